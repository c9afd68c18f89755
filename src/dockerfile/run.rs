//! The RUN instruction.

use super::command::Command;
use super::device::Device;
use super::error::Error;
use super::error_kind::ErrorKind;
use super::flag_set::Takes;
use super::mount_fields;
use super::request::Request;
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

impl Run {
    /// Reads a RUN.
    pub(super) fn read(request: &mut Request<'_>) -> Result<Run, Error> {
        let command = request.command()?;
        let flags = request.flags(&[
            ("mount", Takes::Many),
            ("network", Takes::One),
            ("security", Takes::One),
            ("device", Takes::Many),
        ])?;
        let mounts = flags.words("mount");
        // More can be said only where variables are known.
        mounts.iter().try_for_each(|mount| mount_fields::split(mount).map(drop))?;
        // An empty value is a value here: `--network=` is refused.
        let network = match flags.words("network").first() {
            None => Network::Default,
            Some(word) => match word.raw.as_str() {
                "default" => Network::Default,
                "none" => Network::None,
                "host" => Network::Host,
                other => {
                    return Err(Error::new(ErrorKind::BadNetwork(other.to_owned()))
                        .at(word.span)
                        .hint("one of default, none, host"));
                }
            },
        };
        let security = match flags.words("security").first() {
            None => Security::Sandbox,
            Some(word) => match word.raw.as_str() {
                "sandbox" => Security::Sandbox,
                "insecure" => Security::Insecure,
                other => {
                    return Err(Error::new(ErrorKind::BadSecurity(other.to_owned()))
                        .at(word.span)
                        .hint("one of sandbox, insecure"));
                }
            },
        };
        let devices = flags.words("device").iter().map(Device::read).collect::<Result<_, _>>()?;
        Ok(Run { command, mounts, network, security, devices })
    }
}
