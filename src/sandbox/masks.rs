//! Paths under `/proc` and `/sys` that a process must not see or must not write: the union of what peers cover.

use std::ffi::CStr;

/// Which of the two file systems a path is in; paths below are relative to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum In {
    Proc,
    Sys,
}

/// Covered by an empty directory or by the null device; each may be missing.
pub(super) const MASKED: &[(In, &CStr)] = &[
    (In::Proc, c"acpi"),
    (In::Proc, c"asound"),
    (In::Proc, c"interrupts"),
    (In::Proc, c"kcore"),
    (In::Proc, c"keys"),
    (In::Proc, c"latency_stats"),
    (In::Proc, c"sched_debug"),
    (In::Proc, c"scsi"),
    (In::Proc, c"timer_list"),
    (In::Proc, c"timer_stats"),
    (In::Sys, c"devices/virtual/powercap"),
    (In::Sys, c"firmware"),
    (In::Sys, c"fs/selinux"),
];

/// Made read-only; each may be missing.
pub(super) const READ_ONLY: &[(In, &CStr)] = &[
    (In::Proc, c"bus"),
    (In::Proc, c"fs"),
    (In::Proc, c"irq"),
    (In::Proc, c"sys"),
    (In::Proc, c"sysrq-trigger"),
];
