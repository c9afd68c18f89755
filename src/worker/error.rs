//! Why an op could not be performed.

use crate::oci::DiffId;

/// An op that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The process ended with a failure.
    #[error(transparent)]
    Exited(super::exec::Exited),
    /// The build was ended meanwhile.
    #[error("canceled")]
    Canceled,
    /// A layer that was there turned out to be damaged; it was dropped, and what made it must be done again.
    #[error("layer {0} is no longer in the store")]
    Lost(DiffId),
    /// A directory that RUNs stood on had been changed on disk; it was removed, and they must be done again.
    #[error("a directory under a RUN was changed on disk")]
    RootChanged,
    /// COPY, ADD or WORKDIR.
    #[error(transparent)]
    Copy(#[from] super::copy::Error),
    /// A mount's source.
    #[error("mount source {path:?}: not found")]
    MountSource {
        /// As the mount has it.
        path: String,
    },
    /// A link chain or a path inside an image.
    #[error(transparent)]
    Tree(#[from] crate::tree::Error),
    /// A secret that was asked for with `required`, and is not there.
    #[error("secret {id} not found: give it with --secret id={id},src=FILE or --secret id={id},env=NAME")]
    SecretMissing {
        /// Its id.
        id: String,
    },
    /// An agent that was asked for with `required`, and is not there.
    #[error("SSH agent {id} not found: give it with --ssh {id}, --ssh {id}=SOCKET or --ssh {id}=KEY")]
    AgentMissing {
        /// Its id.
        id: String,
    },
    /// A secret that cannot be read.
    #[error("secret {id}")]
    Secret {
        /// Its id.
        id: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Something that is not supported, by name.
    #[error("{0}")]
    Unsupported(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    /// A layer's bytes.
    #[error(transparent)]
    Layer(#[from] crate::layer::Error),
    /// Directories on disk.
    #[error(transparent)]
    Snapshot(#[from] crate::snapshot::Error),
    /// The sandbox itself, not what ran in it.
    #[error(transparent)]
    Sandbox(#[from] crate::sandbox::Error),
    /// A context or an image layout.
    #[error(transparent)]
    Source(#[from] crate::source::Error),
    /// A registry.
    #[error(transparent)]
    Registry(Box<crate::registry::Error>),
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

impl Error {
    /// For [`Result::map_err`]: what was being done.
    pub(super) fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Error {
        |source| Error::Io { doing: doing.into(), source }
    }

    /// Whether a file system is full, before any process began.
    pub(super) fn is_no_space(&self) -> bool {
        match self {
            Error::Store(crate::store::Error::NoSpace { .. }) => true,
            Error::Snapshot(error) => error.is_no_space(),
            Error::Sandbox(error) => matches!(error, crate::sandbox::Error::Full),
            _ => false,
        }
    }

    /// Whether this is the end that a cancelled build comes to.
    pub fn is_canceled(&self) -> bool {
        matches!(self, Error::Canceled | Error::Sandbox(crate::sandbox::Error::Canceled))
    }
}

impl From<crate::registry::Error> for Error {
    fn from(error: crate::registry::Error) -> Error {
        Error::Registry(Box::new(error))
    }
}
