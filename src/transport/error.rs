//! Why an image could not be moved.

use std::io;
use std::path::PathBuf;

use crate::oci::{DiffId, Digest};

/// A move that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody stopped it.
    #[error("interrupted")]
    Interrupted,
    /// A place whose spelling means nothing, or something that is not supported.
    #[error("{text:?}: {reason}")]
    Place {
        /// As typed.
        text: String,
        /// What is wrong, and what to write instead.
        reason: String,
    },
    /// A directory or an archive that holds no images, or damaged ones.
    #[error("{place}: {reason}")]
    Form {
        /// Which.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An image that is not where it was looked for.
    #[error("{place} has no image {wanted}; it has: {available}")]
    NoImage {
        /// Where it was looked for.
        place: String,
        /// What was looked for.
        wanted: String,
        /// What there is instead.
        available: String,
    },
    /// Bytes that are not those of their name.
    #[error("{place}: blob {digest} is damaged: {reason}")]
    Damaged {
        /// Where it is.
        place: String,
        /// What it should be.
        digest: Digest,
        /// What is wrong with it.
        reason: String,
    },
    /// A blob that a manifest names and that is not there.
    #[error("{place}: blob {digest}, which the image needs, is missing")]
    Missing {
        /// Where it should be.
        place: String,
        /// Which.
        digest: Digest,
    },
    /// A layer whose uncompressed bytes are not those that the config names.
    #[error("{place}: layer {blob} does not unpack to {diff_id}, which the config names: {reason}")]
    DiffId {
        /// Where it came from.
        place: String,
        /// The blob.
        blob: Digest,
        /// What the config says.
        diff_id: DiffId,
        /// What was found.
        reason: String,
    },
    /// A file or directory of this machine.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// A verb.
        doing: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A registry.
    #[error(transparent)]
    Registry(Box<crate::registry::Error>),
    /// The store.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    /// An archive on its way to its destination.
    #[error(transparent)]
    Export(#[from] crate::export::Error),
    /// A digest of another kind, or a malformed name.
    #[error(transparent)]
    Oci(#[from] crate::oci::Error),
}

impl Error {
    /// Whether it ended because somebody stopped it.
    pub fn is_canceled(&self) -> bool {
        match self {
            Error::Interrupted => true,
            Error::Registry(error) => error.is_canceled(),
            _ => false,
        }
    }

    /// For `map_err`.
    pub(super) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
        let path = path.into();
        move |source| Error::Io { doing, path, source }
    }

    pub(super) fn form(place: impl Into<String>, reason: impl Into<String>) -> Error {
        Error::Form { place: place.into(), reason: reason.into() }
    }
}

impl From<crate::registry::Error> for Error {
    fn from(error: crate::registry::Error) -> Error {
        Error::Registry(Box::new(error))
    }
}
