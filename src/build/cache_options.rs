//! Which remote caches a build looks into and writes.

use std::path::PathBuf;

use crate::layer::Compression;
use crate::oci::Reference;

/// Where a cache is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CachePlace {
    /// `type=registry`: a tag that no image has, or an image with records in its config.
    Registry(Reference),
    /// `type=local`: an image layout, and which of the caches in it.
    Local(PathBuf, String),
}

/// What of a build goes into a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheMode {
    /// The layers of the result.
    Min,
    /// Those of all steps.
    Max,
}

/// One `--cache-to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CacheTo {
    /// `type=inline`: in the config of the image.
    Inline,
    /// Somewhere of its own.
    Place {
        /// Where.
        place: CachePlace,
        /// What.
        mode: CacheMode,
        /// How layers are compressed that are not yet.
        compression: Compression,
        /// Whether the build fails where it cannot be written.
        must_succeed: bool,
    },
}
