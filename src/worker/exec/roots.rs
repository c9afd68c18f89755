//! Layers as directories: how `snapshot` gets the bytes that it writes.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use crate::snapshot::{self, Fetch};
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
        self.store.visit(&self.layers[layer], wanted, f)
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
        let chain = chain_layers(layers)?;
        let made = self.with_room(|| Ok(snapshots.lowers(&chain, &bytes)?));
        made.map_err(|error| match error {
            // What was read is not what the list says: the layer goes, and is fetched or made again in this build.
            Error::Snapshot(snapshot::Error::Damaged { layer, .. }) => {
                match self.store.discard_layer(layers[layer].diff_id) {
                    Ok(()) => Error::Lost(layers[layer].diff_id),
                    Err(error) => error.into(),
                }
            }
            other => other,
        })
    }
}
