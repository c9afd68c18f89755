//! From the table to a verdict for every system call number, for one machine and one set of capabilities.

use std::collections::BTreeMap;

use super::numbers::{NONE, NUMBERS, Row};
use super::rule::{Action, Arch, Condition, Rule};
use super::table::{DEFAULT_ERRNO, RULES};

/// What is answered to calls newer than the table: "there is no such call", so that programs fall back to older ones.
const NO_SUCH_CALL: u16 = 38;
/// The bit in the number that tells an x32 call from an x86_64 one.
pub(super) const X32_BIT: u32 = 0x4000_0000;
/// Where ARM's own calls begin, far above all others.
const ARM_PRIVATE: u32 = 0x000f_0000;

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Allow,
    Errno(u16),
    /// Allowed if one of these holds, else refused with the default.
    When(Vec<Condition>),
}

/// The verdicts for one value of the kernel's architecture field: each holds from its number up to the next.
#[derive(Debug)]
pub(super) struct ArchVerdicts {
    pub(super) audit_arch: u32,
    pub(super) ranges: Vec<(u32, Verdict)>,
}

/// A processor that can be built on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Machine {
    X86_64,
    Aarch64,
}

impl Machine {
    /// The processor that this program was compiled for.
    pub(super) const fn native() -> Machine {
        if cfg!(target_arch = "aarch64") { Machine::Aarch64 } else { Machine::X86_64 }
    }
}

/// Evaluates the profile. The machine's own architecture comes first.
pub(super) fn profile(machine: Machine, capabilities: u64) -> Vec<ArchVerdicts> {
    let (native, second) = match machine {
        Machine::X86_64 => (Arch::X86_64, Arch::X86),
        Machine::Aarch64 => (Arch::Aarch64, Arch::Arm),
    };
    let rules: Vec<&Rule> = RULES.iter().filter(|rule| counts(rule, native, capabilities)).collect();
    let mut first = ranges(native, &rules);
    if machine == Machine::X86_64 {
        let x32 = ranges(Arch::X32, &rules);
        first.extend(x32.into_iter().map(|(start, verdict)| (start | X32_BIT, verdict)));
    }
    vec![
        ArchVerdicts { audit_arch: audit_arch(native), ranges: first },
        ArchVerdicts { audit_arch: audit_arch(second), ranges: ranges(second, &rules) },
    ]
}

// As Moby does it: the processor in a row is compared with the machine's own, and the row then holds for all of the
// machine's sub-architectures.
fn counts(rule: &Rule, native: Arch, capabilities: u64) -> bool {
    let has = |capability: &u8| capabilities & (1 << capability) != 0;
    rule.needs.iter().all(has)
        && !rule.unless.iter().any(has)
        && (rule.only_on.is_empty() || rule.only_on.contains(&native))
}

fn audit_arch(arch: Arch) -> u32 {
    match arch {
        Arch::X86_64 | Arch::X32 => 0xc000_003e,
        Arch::X86 => 0x4000_0003,
        Arch::Aarch64 => 0xc000_00b7,
        Arch::Arm => 0x4000_0028,
    }
}

fn number(arch: Arch, row: &Row) -> Option<u32> {
    let &(_, x86_64, x86, x32, aarch64, arm) = row;
    let number = match arch {
        Arch::X86_64 => x86_64,
        Arch::X86 => x86,
        Arch::X32 => x32,
        Arch::Aarch64 => aarch64,
        Arch::Arm => arm,
    };
    if number == NONE { None } else { u32::try_from(number).ok() }
}

// The verdict for a call by name; the table's order does not matter, as permission without a condition wins.
fn verdict(name: &str, rules: &[&Rule]) -> Verdict {
    let mut conditions = Vec::new();
    let mut errno = DEFAULT_ERRNO;
    for rule in rules.iter().filter(|rule| rule.names.contains(&name)) {
        match (rule.action, rule.when) {
            (Action::Allow, None) => return Verdict::Allow,
            (Action::Allow, Some(condition)) => conditions.push(condition),
            (Action::Errno(number), _) => errno = number,
        }
    }
    if conditions.is_empty() { Verdict::Errno(errno) } else { Verdict::When(conditions) }
}

fn ranges(arch: Arch, rules: &[&Rule]) -> Vec<(u32, Verdict)> {
    let mut verdicts = BTreeMap::new();
    let mut last = 0;
    for row in NUMBERS {
        if let Some(number) = number(arch, row) {
            verdicts.insert(number, verdict(row.0, rules));
            if number < ARM_PRIVATE {
                last = last.max(number);
            }
        }
    }
    let mut ranges: Vec<(u32, Verdict)> = Vec::new();
    let mut push = |start: u32, verdict: Verdict| match ranges.last() {
        Some((_, before)) if *before == verdict => {}
        _ => ranges.push((start, verdict)),
    };
    let mut next = 0;
    for (number, verdict) in verdicts {
        if number > next {
            push(next, beyond(next, last));
        }
        push(number, verdict);
        next = number + 1;
    }
    push(next, Verdict::Errno(NO_SUCH_CALL));
    ranges
}

// The verdict for a number in a gap of the table.
fn beyond(number: u32, last: u32) -> Verdict {
    Verdict::Errno(if number > last { NO_SUCH_CALL } else { DEFAULT_ERRNO })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::capability as cap;

    fn verdict_of(machine: Machine, arch: usize, number: u32, capabilities: u64) -> Verdict {
        let all = profile(machine, capabilities);
        let ranges = &all[arch].ranges;
        let after = ranges.partition_point(|(start, _)| *start <= number);
        ranges[after - 1].1.clone()
    }

    #[test]
    fn the_names_in_the_rules_are_calls_that_some_covered_processor_has() {
        let known: Vec<_> = NUMBERS.iter().map(|row| row.0).collect();
        let unknown: Vec<_> =
            RULES.iter().flat_map(|rule| rule.names).filter(|name| !known.contains(name)).collect();
        // RISC-V's own call, in Moby's list for all processors.
        assert_eq!(unknown, [&"riscv_hwprobe"]);
    }

    #[test]
    fn capabilities_open_what_they_stand_for() {
        let (mount, chroot, clone3) = (165, 161, 435);
        let eperm = Verdict::Errno(1);
        assert_eq!(verdict_of(Machine::X86_64, 0, mount, 0), eperm);
        assert_eq!(verdict_of(Machine::X86_64, 0, mount, 1 << cap::SYS_ADMIN), Verdict::Allow);
        assert_eq!(verdict_of(Machine::X86_64, 0, chroot, 0), eperm);
        assert_eq!(verdict_of(Machine::X86_64, 0, chroot, 1 << cap::SYS_CHROOT), Verdict::Allow);
        assert_eq!(verdict_of(Machine::X86_64, 0, clone3, 0), Verdict::Errno(38));
        assert_eq!(verdict_of(Machine::X86_64, 0, clone3, 1 << cap::SYS_ADMIN), Verdict::Allow);
    }

    #[test]
    fn each_machine_has_its_own_numbers_and_calls() {
        let (read, arch_prctl) = (0, 158);
        assert_eq!(verdict_of(Machine::X86_64, 0, read, 0), Verdict::Allow);
        assert_eq!(verdict_of(Machine::X86_64, 0, arch_prctl, 0), Verdict::Allow);
        let (aarch64_read, aarch64_mount, arm_set_tls) = (63, 40, 983_045);
        assert_eq!(verdict_of(Machine::Aarch64, 0, aarch64_read, 0), Verdict::Allow);
        assert_eq!(verdict_of(Machine::Aarch64, 0, aarch64_mount, 0), Verdict::Errno(1));
        assert_eq!(verdict_of(Machine::Aarch64, 1, arm_set_tls, 0), Verdict::Allow);
    }

    #[test]
    fn a_call_newer_than_the_table_does_not_exist() {
        for number in [470, 5000, X32_BIT - 1, X32_BIT | 5000] {
            assert_eq!(verdict_of(Machine::X86_64, 0, number, 0), Verdict::Errno(38), "{number}");
        }
        assert_eq!(verdict_of(Machine::Aarch64, 1, 600, 0), Verdict::Errno(38));
    }
}
