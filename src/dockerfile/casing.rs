//! Keywords that are written in another case than most.

use super::instruction::{Instruction, Kind};
use super::warning::Warning;

/// A warning for each keyword that is not in the case of the majority; upper case wins a draw.
///
/// COMPAT: ARGs before the first FROM neither count nor are reported.
pub(super) fn warnings(instructions: &[Instruction]) -> Vec<Warning> {
    let first = instructions.iter().position(|instruction| matches!(instruction.kind, Kind::From(_)));
    let instructions = &instructions[first.unwrap_or(instructions.len())..];
    let count = |cased: fn(&str) -> String| {
        instructions
            .iter()
            .filter(|instruction| cased(&instruction.keyword.value) == instruction.keyword.value)
            .count()
    };
    let lower = count(|text| text.to_lowercase()) > count(|text| text.to_uppercase());
    let warning = |instruction: &Instruction| {
        let typed = &instruction.keyword.value;
        let (right, case) = match lower {
            true => (typed.to_lowercase(), "lowercase"),
            false => (typed.to_uppercase(), "uppercase"),
        };
        (right != *typed).then(|| Warning {
            rule: "ConsistentInstructionCasing",
            message: format!("Command '{typed}' should match the case of the command majority ({case})"),
            hint: None,
            span: instruction.keyword.span,
        })
    };
    instructions.iter().filter_map(warning).collect()
}
