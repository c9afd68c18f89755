//! What can go wrong before, around and after the process; its own exit code is not an error.

use std::path::PathBuf;

use crate::sys::UsernsError;
use crate::sys::rustix::io::Errno;

/// Why a sandbox did not run its process to an end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It was canceled; all its processes are dead.
    #[error("canceled")]
    Canceled,
    /// The command could not be executed.
    #[error("cannot execute {command:?}: {why}")]
    Exec {
        /// As it was given.
        command: String,
        /// What the kernel said.
        why: ExecFailure,
    },
    /// The working directory is not there, or is not inside the root.
    #[error("working directory {path:?} cannot be entered inside the root: {errno}")]
    WorkingDirectory {
        /// As it was given.
        path: String,
        /// What the kernel said.
        errno: Errno,
    },
    /// A user or group id has no counterpart outside.
    #[error(
        "cannot become {what}: {errno}: the id is not mapped in this user namespace\n\
         fix: give this user more subordinate ids in /etc/subuid and /etc/subgid; for root of a container, give the \
         container more ids"
    )]
    UnmappedId {
        /// `user 70000` or the like.
        what: String,
        /// What the kernel said.
        errno: Errno,
    },
    /// A mount point that the sandbox must not use.
    #[error("cannot mount {what} at {target}: {why}")]
    MountPoint {
        /// What was to be mounted.
        what: &'static str,
        /// Where.
        target: String,
        /// Why not.
        why: String,
    },
    /// There is no room for what an overlay needs to be writable; no process has begun.
    #[error("cannot set up the sandbox: no space left for its root")]
    Full,
    /// A step of the set-up failed.
    #[error("cannot set up the sandbox: {step}: {errno}{hint}")]
    SetUp {
        /// Which.
        step: String,
        /// What the kernel said.
        errno: Errno,
        /// What to do about it, on a line of its own; often empty.
        hint: &'static str,
    },
    /// A host path could not be opened.
    #[error("cannot open {}: {source}", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The specification holds something that no process can have.
    #[error("{0}")]
    Invalid(String),
    /// Reading output or waiting failed.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// Programs of that architecture do not run here.
    #[error(
        "this linux/{host} machine cannot run programs of linux/{architecture}: {why}\n\
         fix: {fix}; or keep RUN in a stage with --platform=$BUILDPLATFORM"
    )]
    Foreign {
        /// The programs'.
        architecture: String,
        /// This machine's.
        host: String,
        /// What there is not, or does not work.
        why: String,
        /// What to do about it.
        fix: &'static str,
    },
    /// No tier of isolation is possible here.
    #[error(transparent)]
    Unavailable(#[from] UsernsError),
}

/// Why a command could not be executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExecFailure {
    /// Not in PATH.
    #[error("executable file not found in $PATH")]
    NotInPath,
    /// The path does not exist.
    #[error("no such file or directory")]
    NotFound,
    /// It exists and needs an interpreter or dynamic loader that does not.
    #[error("its interpreter or dynamic loader is not in the root")]
    NoInterpreter,
    /// The kernel's refusal.
    #[error("{0}")]
    Refused(Errno),
}

impl Error {
    /// The exit code that a shell would give: 127 for a command that is not there, 126 for one that cannot be run.
    pub fn shell_code(&self) -> Option<u8> {
        match self {
            Error::Exec { why: ExecFailure::Refused(_), .. } => Some(126),
            Error::Exec { .. } => Some(127),
            _ => None,
        }
    }
}
