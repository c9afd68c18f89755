//! The words in which the table is written: architecture, action, condition, rule.

/// A processor, or one of its sub-architectures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arch {
    X86_64,
    X86,
    X32,
    Aarch64,
    Arm,
}

/// What a rule does with a call that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Allow,
    Errno(u16),
}

/// What must hold for an argument.
///
/// Only the low 32 bits are looked at: each argument so tested is 32 bits wide in the kernel, which drops the rest. A
/// comparison of 64 bits could be passed with a high bit set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Less {
        argument: u8,
        value: u32,
    },
    Equal {
        argument: u8,
        value: u32,
    },
    Greater {
        argument: u8,
        value: u32,
    },
    /// No bit of `value` is set.
    NoneOf {
        argument: u8,
        value: u32,
    },
}

/// One row of the profile.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) names: &'static [&'static str],
    pub(super) action: Action,
    pub(super) when: Option<Condition>,
    /// The row counts only if the process keeps all of these capabilities.
    pub(super) needs: &'static [u8],
    /// The row does not count if it keeps one of these.
    pub(super) unless: &'static [u8],
    /// The row counts only on these processors; none named is all.
    pub(super) only_on: &'static [Arch],
}
