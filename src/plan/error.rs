//! Why a Dockerfile cannot be planned, where, and what to do.

use std::fmt;

use crate::dockerfile;
use crate::graph::Location;

/// One refusal. Displays as the message alone; an excerpt is for whoever has the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What was wrong.
    pub kind: Box<ErrorKind>,
    /// The lines to show.
    pub location: Option<Location>,
    /// What to do about it, where the message does not say so.
    pub hint: Option<String>,
}

/// What was wrong, in the words that BuildKit's users know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each message says what its variant is")]
pub enum ErrorKind {
    // Stages.
    #[error("base name ({0}) should not be blank")]
    BlankBase(String),
    #[error("failed to parse stage name {name:?}: {problem}{}", suggestion(near))]
    BadBase { name: String, problem: String, near: Option<String> },
    #[error("empty platform value from expression {expression}{}", suggestion(near))]
    EmptyPlatform { expression: String, near: Option<String> },
    #[error("failed to parse platform {expression}: {problem}{}", suggestion(near))]
    BadPlatform { expression: String, problem: String, near: Option<String> },
    #[error("target stage {name:?} could not be found{}", suggestion(near))]
    UnknownTarget { name: String, near: Option<String> },
    #[error("invalid stage index {0}")]
    BadIndex(String),
    #[error("circular dependency detected on stage: {0}")]
    Circle(String),
    #[error("cannot copy from stage {from:?}, it needs to be defined before current stage {stage:?}")]
    CopyFromLater { from: String, stage: String },
    #[error(
        "cannot mount from stage {from:?} to {target:?}, stage needs to be defined before current command"
    )]
    MountFromLater { from: String, target: String },
    #[error("base image {image}: failed to read the ONBUILD trigger {trigger:?}: {problem}")]
    Trigger { image: String, trigger: String, problem: String },

    // Build checks.
    #[error("failed to parse check options: {0}")]
    BadCheck(String),
    #[error("lint violation found for rules: {0}")]
    Checks(String),

    // Words and mounts.
    #[error(transparent)]
    Dockerfile(Box<dockerfile::ErrorKind>),

    // RUN.
    #[error("RUN needs a command")]
    EmptyRun,
    #[error("invalid mount target {0:?}")]
    MountTarget(String),
    #[error("security mode insecure needs the entitlement security.insecure")]
    Insecure,
    #[error("network mode host needs the entitlement network.host")]
    HostNetwork,
    #[error("RUN --device is not supported")]
    Device,

    // COPY and ADD.
    #[error("{0} reads from the build context, and there is none")]
    NoContext(String),
    #[error("{0}")]
    BadChmod(String),
    #[error("checksum can't be specified for multiple sources")]
    ChecksumOfMany,
    #[error("checksum requires HTTP(S) or Git sources")]
    ChecksumOfLocal,
    #[error("source can't be a URL for COPY")]
    CopyUrl,
    #[error("source can't be a git ref for COPY")]
    CopyGit,
    #[error("{0}")]
    BadRemote(String),
    #[error("inconsistent keep-git-dir configuration")]
    KeepGitDir,
    #[error("checksum mismatch {flag:?} != {query:?}")]
    Checksums { flag: String, query: String },
    #[error("unsupported checksum {checksum}: {problem}")]
    BadChecksum { checksum: String, problem: String },

    // Settings.
    #[error("invalid signal: {0}")]
    BadSignal(String),
    #[error("VOLUME specified can not be an empty string")]
    EmptyVolume,
    #[error("{0}")]
    BadPort(String),
    #[error("invalid SOURCE_DATE_EPOCH: {0}")]
    BadEpoch(String),
    #[error("the values of all variables together are larger than the limit of 128 MiB")]
    TooLarge,
}

/// ` (did you mean X?)`, or nothing.
fn suggestion(near: &Option<String>) -> String {
    near.as_ref().map(|near| format!(" (did you mean {near}?)")).unwrap_or_default()
}

impl Error {
    /// An error without a place.
    pub(super) fn new(kind: ErrorKind) -> Error {
        Error { kind: Box::new(kind), location: None, hint: None }
    }

    /// An error at a place.
    pub(super) fn at(kind: ErrorKind, location: Location) -> Error {
        Error { location: Some(location), ..Error::new(kind) }
    }

    /// What a word or a mount was refused for, at the instruction that holds it.
    pub(super) fn of(error: dockerfile::Error, location: Location) -> Error {
        let kind = ErrorKind::Dockerfile(error.kind);
        Error { kind: Box::new(kind), location: Some(location), hint: error.hint }
    }

    /// The same with a hint.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Error {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for Error {}
