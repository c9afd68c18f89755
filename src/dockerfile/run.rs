//! The RUN instruction.

use super::command::Command;
use super::device::Device;
use super::word::Word;

/// `RUN [--mount=…] [--network=…] [--security=…] [--device=…] command`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// What to run.
    pub command: Command,
    /// The text of each `--mount=`, in order: [`super::parse_mount`] reads it with the stage's variables.
    pub mounts: Vec<Word>,
    /// `--network=`.
    pub network: Network,
    /// `--security=`.
    pub security: Security,
    /// `--device=`, in order.
    pub devices: Vec<Device>,
}

/// The network of a RUN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Network {
    /// Not given, or `default`: what the build as a whole uses.
    #[default]
    Default,
    /// `none`: loopback only.
    None,
    /// `host`: the host's own.
    Host,
}

/// The security mode of a RUN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Security {
    /// Not given, or `sandbox`.
    #[default]
    Sandbox,
    /// `insecure`: all capabilities, no system call filter.
    Insecure,
}
