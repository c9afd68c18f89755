//! What becomes of owners, modes and times of a build context.

use std::fmt;
use std::str::FromStr;

use crate::oci::Epoch;
use crate::tree::{Entry, Kind, Time};

/// What becomes of permission bits of a build context, so that equal files are equal whatever umask made them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContextModes {
    /// Write permission of group and others, setuid, setgid and sticky are cleared: what a umask can add and git cannot
    /// store. Nothing is ever widened.
    #[default]
    Normalise,
    /// 0644, or 0755 for directories and for what its owner can execute: what git stores.
    Git,
    /// As they are: what Docker does.
    Preserve,
}

/// A word that names no mode.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid context modes {0:?}: expected normalise, git or preserve")]
pub struct InvalidModes(String);

impl FromStr for ContextModes {
    type Err = InvalidModes;

    fn from_str(text: &str) -> Result<ContextModes, InvalidModes> {
        match text {
            "normalise" | "normalize" => Ok(ContextModes::Normalise),
            "git" => Ok(ContextModes::Git),
            "preserve" => Ok(ContextModes::Preserve),
            _ => Err(InvalidModes(text.to_string())),
        }
    }
}

impl fmt::Display for ContextModes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ContextModes::Normalise => "normalise",
            ContextModes::Git => "git",
            ContextModes::Preserve => "preserve",
        })
    }
}

impl ContextModes {
    /// The permission bits that `mode` becomes.
    pub fn apply(self, mode: u32, is_directory: bool) -> u32 {
        let mode = mode & 0o7777;
        match self {
            ContextModes::Normalise => mode & !0o7022,
            ContextModes::Git if is_directory || mode & 0o100 != 0 => 0o755,
            ContextModes::Git => 0o644,
            ContextModes::Preserve => mode,
        }
    }
}

/// Gives `entry` the owner, mode and time that entries of a context have. Says whether its mode changed.
pub(super) fn normalise(entry: &mut Entry, modes: ContextModes, epoch: Option<Epoch>) -> bool {
    entry.uid = 0;
    entry.gid = 0;
    // Set, not clamped: an older checkout of the same commit is the same context. Layers have whole seconds.
    entry.mtime = Time::from_seconds(epoch.map_or(entry.mtime.seconds, |epoch| epoch.0));
    if matches!(entry.kind, Kind::Symlink(_)) {
        entry.mode = 0o777;
        return false;
    }
    let mode = modes.apply(entry.mode, entry.is_directory());
    let changed = mode != entry.mode;
    entry.mode = mode;
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkouts_under_common_umasks_agree_and_nothing_is_widened() {
        for (mode, is_directory, normalise, git) in [
            (0o644, false, 0o644, 0o644),
            (0o664, false, 0o644, 0o644),
            (0o666, false, 0o644, 0o644),
            (0o600, false, 0o600, 0o644),
            (0o775, false, 0o755, 0o755),
            (0o6777, false, 0o755, 0o755),
            (0o700, true, 0o700, 0o755),
            (0o3777, true, 0o755, 0o755),
            (0o2775, true, 0o755, 0o755),
        ] {
            assert_eq!(ContextModes::Normalise.apply(mode, is_directory), normalise, "{mode:o}");
            assert_eq!(ContextModes::Git.apply(mode, is_directory), git, "{mode:o}");
            assert_eq!(ContextModes::Preserve.apply(mode, is_directory), mode, "{mode:o}");
        }
    }
}
