//! What can go wrong with a remote cache. None of it ends a build that does not ask for that.

use std::io;
use std::path::PathBuf;

use crate::oci::Digest;

/// Why a cache could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The registry.
    #[error(transparent)]
    Registry(Box<crate::registry::Error>),
    /// The store of this machine.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    /// A file or directory.
    #[error("cannot {doing} {}: {source}", path.display())]
    File {
        /// A verb.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// There is no cache there.
    #[error("there is none")]
    None,
    /// What is there is something else.
    #[error("{0}")]
    NoCache(String),
    /// A document that breaks the format.
    #[error("its {what} cannot be used: {reason}")]
    Document {
        /// Which.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Bytes that are not those of their digest.
    #[error("the bytes of {expected} are those of {actual}")]
    Mismatch {
        /// What was asked for.
        expected: Digest,
        /// What came.
        actual: Digest,
    },
    /// A blob that the cache names and does not have.
    #[error("blob {0} is gone from it")]
    Gone(Digest),
    /// A layer could not be compressed or read.
    #[error("layer {layer}: {source}")]
    Layer {
        /// Which.
        layer: crate::oci::DiffId,
        /// The cause.
        source: io::Error,
    },
    /// Somebody stopped it.
    #[error("canceled")]
    Canceled,
}

impl Error {
    /// Whether somebody stopped it.
    pub fn is_canceled(&self) -> bool {
        matches!(self, Error::Canceled)
    }

    /// For `map_err`.
    pub(super) fn file(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
        let path = path.into();
        move |source| Error::File { doing, path, source }
    }

    pub(super) fn document(what: &'static str, reason: impl ToString) -> Error {
        Error::Document { what, reason: reason.to_string() }
    }
}

impl From<crate::registry::Error> for Error {
    fn from(error: crate::registry::Error) -> Error {
        match error.is_canceled() {
            true => Error::Canceled,
            false => Error::Registry(Box::new(error)),
        }
    }
}
