//! Why an image cannot be put together.

use crate::oci::{DiffId, MediaType};

/// An image whose parts do not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// One descriptor per diff ID, or tools would unpack the wrong things.
    #[error("the image config names {diff_ids} layers and {layers} were given")]
    LayerCount {
        /// In the config.
        diff_ids: usize,
        /// Given.
        layers: usize,
    },
    /// A layer's media type has no OCI form.
    #[error("layer {diff_id} has media type {media_type}, which is no layer that an OCI image can hold")]
    LayerType {
        /// Which layer.
        diff_id: DiffId,
        /// What it says of itself.
        media_type: MediaType,
    },
    /// A layer's media type has no form of Docker's.
    #[error(
        "layer {diff_id} has media type {media_type}, which Docker's media types have no word for: leave oci-mediatypes=false out, or say compression=gzip,force-compression=true"
    )]
    NoDocker {
        /// Which layer.
        diff_id: DiffId,
        /// What it says of itself.
        media_type: MediaType,
    },
    /// An index that is there is no index.
    #[error("not an OCI image index: {0}")]
    Index(String),
}
