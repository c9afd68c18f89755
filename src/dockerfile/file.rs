//! A whole Dockerfile, read.

use super::instruction::Instruction;
use super::lines::Lines;
use super::span::Spanned;
use super::warning::Warning;

/// A Dockerfile as a list of instructions; stages are made of them by whoever plans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dockerfile {
    /// The `#` directives before everything else.
    pub directives: Directives,
    /// The escape character that is in force: `\` or a backtick.
    pub escape: char,
    /// At least one; one that is not ARG never stands before the first FROM.
    pub instructions: Vec<Instruction>,
    /// What was noticed, in the order of the text.
    pub warnings: Vec<Warning>,
    /// Offsets to lines.
    pub lines: Lines,
}

/// The values of the parser directives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Directives {
    /// `# syntax=`: the frontend that was asked for; not used.
    pub syntax: Option<Spanned<String>>,
    /// `# escape=`.
    pub escape: Option<Spanned<String>>,
    /// `# check=`.
    pub check: Option<Spanned<String>>,
}
