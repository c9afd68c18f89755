//! Layers, by diff ID: which blob holds one, and what entries are in it.

use std::io::Read;
use std::sync::Arc;

use super::error::Error;
use super::store::Store;
use crate::layer::LayerList;
use crate::oci::{DiffId, Digest, MediaType};
use crate::tree::Entry;

/// A layer whose bytes were verified.
#[derive(Clone)]
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

/// A layer in the making, in the plain form.
pub struct LayerWriter {
    store: Store,
}

impl LayerWriter {
    /// Adds the next entry, in order, with its bytes if it is a file.
    pub fn entry(&mut self, entry: &Entry, content: Option<&mut dyn Read>) -> Result<(), Error> {
        let _ = (entry, content);
        todo!()
    }

    /// Ends the layer and stores it.
    pub fn commit(self) -> Result<Arc<Layer>, Error> {
        let _ = &self.store;
        todo!()
    }
}

impl Store {
    /// Starts a layer.
    pub fn layer_writer(&self) -> Result<LayerWriter, Error> {
        todo!()
    }

    /// Reads a blob that is already here, in any compression, as a layer; verifies both digests and saves its list.
    pub fn import_layer(&self, blob: &Digest, expect: Option<DiffId>) -> Result<Arc<Layer>, Error> {
        let _ = (blob, expect);
        todo!()
    }

    /// A layer that is here whole; a damaged one is dropped and counts as absent.
    pub fn layer(&self, diff_id: DiffId) -> Result<Option<Arc<Layer>>, Error> {
        let _ = diff_id;
        todo!()
    }

    /// Drops a layer that a reader found damaged.
    pub fn discard_layer(&self, diff_id: DiffId) -> Result<(), Error> {
        let _ = diff_id;
        todo!()
    }
}
