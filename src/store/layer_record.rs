//! A layer that is in the store, and the record that says where.
//!
//! A layer that was made here is *plain*, whatever form its bytes are kept in: image manifests in the store name it by its
//! diff ID. So what a build reports does not depend on which outputs were asked for before. A layer that came from
//! elsewhere is what it came as.

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::layer_list::Listed;
use crate::layer::{Compression, LayerList};
use crate::oci::{Descriptor, DiffId, Digest, MediaType, new_descriptor};
use crate::tree::Entry;

/// A layer whose bytes were verified.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Of the uncompressed tar.
    pub diff_id: DiffId,
    pub(super) listed: Listed,
    /// The blob that holds it.
    pub blob: Digest,
    /// Bytes of the blob.
    pub size: u64,
    /// How the blob is compressed.
    pub media_type: MediaType,
    /// Bytes of the uncompressed tar.
    pub tar_size: u64,
    /// The compressed forms that were made of it here; `blob` may be one of them.
    pub packed: Vec<Packed>,
    /// If `blob` is a patch: of which layer.
    pub(super) patched: Option<Patched>,
}

/// The layer that a patch repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patched {
    /// It is kept plain.
    pub layer: DiffId,
    /// Bytes of its tar.
    pub size: u64,
}

/// A compressed form of a layer that was made here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packed {
    /// How, in the words of [`form`].
    pub form: String,
    /// The blob that holds it.
    pub digest: Digest,
    /// Bytes of the blob.
    pub size: u64,
}

/// A compression in one word, with the version of its bytes. The compressors' bytes are part of layer format 1; another
/// version of one of them is another word.
pub fn form(compression: Compression) -> String {
    match compression {
        Compression::Uncompressed => "plain".to_string(),
        Compression::Gzip { level } => format!("gzip-2 {level}"),
        Compression::Zstd { level } => format!("zstd-2 {level}"),
    }
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
    /// The compressed forms that were made of it here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packed: Vec<Packed>,
    /// If `blob` is a patch: of which layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patched: Option<Patched>,
}

impl Layer {
    /// The record of the layer.
    pub fn record(&self) -> LayerRecord {
        let Layer { diff_id, listed: _, blob, size, media_type, tar_size, packed, patched } = self;
        let (media_type, packed) = (media_type.clone(), packed.clone());
        let (diff_id, blob, size, tar_size) = (*diff_id, *blob, *size, *tar_size);
        LayerRecord { diff_id, blob, size, media_type, tar_size, packed, patched: *patched }
    }

    /// What the layer is to an image in this store: plain if it was made here, else as it came.
    pub fn descriptor(&self) -> Descriptor {
        if self.is_ours() {
            return new_descriptor(MediaType::ImageLayer, self.diff_id.0, self.tar_size);
        }
        new_descriptor(self.media_type.clone(), self.blob, self.size)
    }

    /// What is in it.
    pub fn list(&self) -> Result<&LayerList, Error> {
        self.listed.get(self.diff_id)
    }

    /// The same one by one, for who needs each of them once; with where in the tar its bytes are.
    pub(super) fn each_entry(&self, f: &mut dyn FnMut(&Entry, u64)) -> Result<(), Error> {
        self.listed.each(self.diff_id, f)
    }

    /// Whether it was made here, or came as a plain tar.
    pub fn is_ours(&self) -> bool {
        self.is_plain()
            || self.patched.is_some()
            || self.packed.iter().any(|packed| packed.digest == self.blob)
    }

    /// Whether the blob is a tar as it is.
    pub fn is_plain(&self) -> bool {
        self.blob == self.diff_id.0
    }
}

impl LayerRecord {
    /// The layer of this record.
    pub(super) fn with_list(self, listed: Listed) -> Layer {
        let LayerRecord { diff_id, blob, size, media_type, tar_size, packed, patched } = self;
        Layer { diff_id, listed, blob, size, media_type, tar_size, packed, patched }
    }
}
