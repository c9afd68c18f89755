//! The bytes of an image's files, out of the store.

use std::io::{self, Read};
use std::sync::Arc;

use crate::snapshot::Fetch;
use crate::store::{Layer, Store};

/// An image's layers as what room `snapshot` reads from.
pub(super) struct StoredLayers<'a> {
    /// Where they are.
    pub store: &'a Store,
    /// Lowest first.
    pub layers: &'a [Arc<Layer>],
}

impl Fetch for StoredLayers<'_> {
    fn fetch(
        &self,
        layer: usize,
        wanted: &[usize],
        f: &mut dyn FnMut(usize, &mut dyn Read) -> io::Result<()>,
    ) -> io::Result<()> {
        self.store.visit(&self.layers[layer], wanted, f)
    }
}
