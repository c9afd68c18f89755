//! A layer that is in the store, and the record that says where.

use serde::{Deserialize, Serialize};

use crate::layer::LayerList;
use crate::oci::{DiffId, Digest, MediaType};

/// A layer whose bytes were verified.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Of the uncompressed tar.
    pub diff_id: DiffId,
    /// What is in it.
    pub list: LayerList,
    /// The blob that holds it.
    pub blob: Digest,
    /// Bytes of the blob.
    pub size: u64,
    /// How the blob is compressed.
    pub media_type: MediaType,
    /// Bytes of the uncompressed tar.
    pub tar_size: u64,
}

/// What is stored of a layer, apart from its list and its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerRecord {
    /// Of the uncompressed tar.
    pub diff_id: DiffId,
    /// The blob that holds it.
    pub blob: Digest,
    /// Bytes of the blob: a file that lost its bytes in a power cut is noticed without being read.
    pub size: u64,
    /// How the blob is compressed.
    pub media_type: MediaType,
    /// Bytes of the uncompressed tar.
    pub tar_size: u64,
}

impl Layer {
    /// The record of the layer.
    pub fn record(&self) -> LayerRecord {
        let Layer { diff_id, list: _, blob, size, media_type, tar_size } = self;
        let media_type = media_type.clone();
        LayerRecord { diff_id: *diff_id, blob: *blob, size: *size, media_type, tar_size: *tar_size }
    }

    /// Whether the blob is a tar as it is.
    pub fn is_plain(&self) -> bool {
        self.blob == self.diff_id.0
    }
}

impl LayerRecord {
    /// The layer of this record.
    pub fn with_list(self, list: LayerList) -> Layer {
        let LayerRecord { diff_id, blob, size, media_type, tar_size } = self;
        Layer { diff_id, list, blob, size, media_type, tar_size }
    }
}
