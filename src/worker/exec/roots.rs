//! Layers as directories: how `snapshot` gets the bytes that it writes.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use crate::layer::visit;
use crate::oci::MediaType;
use crate::snapshot::Fetch;
use crate::store::{Layer, Store};
use crate::worker::error::Error;
use crate::worker::perform::Worker;
use crate::worker::trees::chain_layers;

/// Layers of the store as a source of bytes.
pub(in crate::worker) struct LayerBytes<'a> {
    /// Where they are.
    pub store: &'a Store,
    /// Lowest first.
    pub layers: &'a [Arc<Layer>],
}

impl Fetch for LayerBytes<'_> {
    fn fetch(
        &self,
        layer: usize,
        wanted: &[usize],
        f: &mut dyn FnMut(usize, &mut dyn Read) -> io::Result<()>,
    ) -> io::Result<()> {
        let layer = &self.layers[layer];
        if layer.media_type == MediaType::ImageLayer {
            let contents = self.store.contents(layer, wanted).map_err(io::Error::other)?;
            for index in wanted {
                f(*index, &mut contents.open(*index).map_err(io::Error::other)?)?;
            }
            return Ok(());
        }
        // A compressed layer is read in one pass, as it lies.
        let mut tar = self.store.open_tar(layer).map_err(io::Error::other)?;
        visit(&mut tar, &layer.list, wanted, f).map_err(io::Error::other)
    }
}

impl Worker<'_> {
    /// The directories of `layers`, topmost first. Makes those that are missing.
    pub(super) fn lowers(&self, layers: &[Arc<Layer>]) -> Result<Vec<PathBuf>, Error> {
        if layers.is_empty() {
            return Ok(Vec::new());
        }
        let bytes = LayerBytes { store: self.store, layers };
        let snapshots = self.snapshots()?;
        self.with_room(|| snapshots.lowers(&chain_layers(layers), &bytes))
    }
}
