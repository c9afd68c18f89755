//! Why two things could not be compared.

use crate::oci::{DiffId, Digest};
use crate::tree::RootPath;

/// Why two things could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A layer that the store does not have.
    #[error("layer {0} is not in the store any more: build again")]
    Gone(DiffId),
    /// The bytes of a file.
    #[error("reading {path}")]
    Content {
        /// The file.
        path: RootPath,
        /// Why.
        source: std::io::Error,
    },
    /// A document that the store does not have.
    #[error("{0} is not in the store any more")]
    Missing(Digest),
    /// A document that is no JSON.
    #[error("{digest} cannot be read")]
    Document {
        /// Which.
        digest: Digest,
        /// Why.
        source: serde_json::Error,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    /// An image.
    #[error(transparent)]
    Build(#[from] crate::build::Error),
}
