//! Layers and config to manifest, config and index bytes.
//!
//! Everything written here is OCI's own form in canonical JSON; Docker's `manifest.json` stands beside it in archives
//! that `docker load` reads. What was pulled is never rewritten: the media type of a Docker layer alone is named in
//! OCI's words, its bytes stay.
//!
//! **Not here**: compressing layers, writing archives (the `export` room).

mod archive;
mod error;
mod index;
mod manifest;

pub use archive::{blob_path, docker_manifest, layout_marker};
pub use error::Error;
pub use index::{Index, NamedManifest, index};
pub use manifest::{Document, Image, Rendered};
