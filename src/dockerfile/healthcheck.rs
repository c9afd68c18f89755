//! The HEALTHCHECK instruction.

use super::command::Command;

/// `HEALTHCHECK NONE` or `HEALTHCHECK [flags] CMD command`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Healthcheck {
    /// Switches an inherited check off.
    None,
    /// Sets one.
    Cmd(Check),
}

/// How and how often to check. Times are nanoseconds, 0 where not given; retries 0 where not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// `--interval=`.
    pub interval: u64,
    /// `--timeout=`.
    pub timeout: u64,
    /// `--start-period=`.
    pub start_period: u64,
    /// `--start-interval=`.
    pub start_interval: u64,
    /// `--retries=`.
    pub retries: u32,
    /// What to run.
    pub command: Command,
}
