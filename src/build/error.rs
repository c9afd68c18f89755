//! Why a build failed, with the lines of the Dockerfile that it failed at.

use crate::graph::Location;
use crate::oci::Platform;

/// A build that failed.
#[derive(Debug)]
pub struct Failure {
    /// Why.
    pub error: Error,
    /// Where, in the Dockerfile.
    pub excerpt: Option<Box<Excerpt>>,
}

/// A place in a Dockerfile, with the text around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// As messages call it.
    pub name: String,
    /// All of it.
    pub text: String,
    /// The lines.
    pub location: Location,
}

/// Why a build, or another command on images, failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The user, or the system, ended it.
    #[error("interrupted")]
    Interrupted,
    /// The Dockerfile's text.
    #[error(transparent)]
    Parse(crate::dockerfile::Error),
    /// The Dockerfile's meaning.
    #[error(transparent)]
    Plan(#[from] crate::plan::Error),
    /// The Dockerfile's meaning for one of several platforms.
    #[error("{0}: {1}")]
    PlanFor(Box<Platform>, Box<crate::plan::Error>),
    /// A step.
    #[error("failed to solve: {}{source}", of(platform))]
    Step {
        /// Its name in the display.
        name: String,
        /// Its lines.
        location: Location,
        /// What it was for, where there are several platforms.
        platform: Option<Box<Platform>>,
        /// What went wrong.
        source: Box<crate::worker::Error>,
    },
    /// What an instruction reads from outside.
    #[error("{source}")]
    Reading {
        /// Its lines.
        location: Location,
        /// What went wrong.
        source: Box<Error>,
    },
    /// A base image.
    #[error("{name}: {reason}")]
    Base {
        /// As the Dockerfile names it.
        name: String,
        /// What went wrong.
        reason: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A file that is not what `--checksum` says.
    #[error("digest mismatch for {url}: {found} (expected: {wanted})")]
    Checksum {
        /// The URL.
        url: String,
        /// What it should be.
        wanted: crate::oci::Digest,
        /// What it is.
        found: crate::oci::Digest,
    },
    /// What the command line asks for.
    #[error("{0}")]
    Usage(String),
    /// An image that is not in the store.
    #[error("no image {0:?} in the store: `rbuild images` lists what there is")]
    NoImage(String),
    /// Something that a worker does outside of a step.
    #[error(transparent)]
    Worker(Box<crate::worker::Error>),
    /// The store.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    /// Contexts and the Dockerfile's file.
    #[error(transparent)]
    Source(#[from] crate::source::Error),
    /// An output.
    #[error(transparent)]
    Export(#[from] crate::export::Error),
    /// A remote cache, where it has to be written.
    #[error("cannot write the cache {name}: {source}")]
    Cache {
        /// Where.
        name: String,
        /// Why.
        source: Box<crate::cache::Error>,
    },
    /// Directories on disk.
    #[error(transparent)]
    Snapshot(#[from] crate::snapshot::Error),
    /// The sandbox.
    #[error(transparent)]
    Sandbox(#[from] crate::sandbox::Error),
    /// A registry.
    #[error(transparent)]
    Registry(Box<crate::registry::Error>),
    /// An image between two places.
    #[error(transparent)]
    Transport(Box<crate::transport::Error>),
    /// A name or document.
    #[error(transparent)]
    Oci(#[from] crate::oci::Error),
    /// A file of this machine.
    #[error("{doing}")]
    Io {
        /// What was being done.
        doing: String,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
}

/// `linux/arm64: `, or nothing.
fn of(platform: &Option<Box<Platform>>) -> String {
    platform.as_ref().map(|platform| format!("{platform}: ")).unwrap_or_default()
}

impl Error {
    /// The lines of the Dockerfile that failed, where a step did.
    pub(super) fn location(&self) -> Option<Location> {
        match self {
            Error::Step { location, .. } | Error::Reading { location, .. } => Some(*location),
            _ => None,
        }
    }

    /// Whether a layer was lost that doing its step makes again.
    pub(super) fn is_lost(&self) -> bool {
        let is_lost = |error: &crate::worker::Error| {
            matches!(error, crate::worker::Error::Lost(_) | crate::worker::Error::RootChanged)
        };
        match self {
            Error::Step { source, .. } | Error::Worker(source) => is_lost(source),
            Error::Export(crate::export::Error::Bring { source, .. }) => {
                source.downcast_ref::<crate::worker::Error>().is_some_and(is_lost)
            }
            Error::Export(crate::export::Error::Otherwise(_)) => true,
            _ => false,
        }
    }

    /// The same error, of what the instruction at `location` reads.
    pub(super) fn at(self, location: Option<Location>) -> Error {
        match (self, location) {
            (Error::Interrupted, _) => Error::Interrupted,
            (error, None) => error,
            (error, Some(location)) => Error::Reading { location, source: Box::new(error) },
        }
    }

    /// For [`Result::map_err`]: what was being done.
    pub(super) fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Error {
        |source| Error::Io { doing: doing.into(), source }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure { error, excerpt: None }
    }
}

impl From<crate::registry::Error> for Error {
    fn from(error: crate::registry::Error) -> Error {
        Error::Registry(Box::new(error))
    }
}

impl From<crate::transport::Error> for Error {
    fn from(error: crate::transport::Error) -> Error {
        Error::Transport(Box::new(error))
    }
}

impl From<crate::worker::Error> for Error {
    fn from(error: crate::worker::Error) -> Error {
        Error::Worker(Box::new(error))
    }
}
