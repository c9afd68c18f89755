//! A finished image, and what is known of it once it was written.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::Error;
use crate::oci::{Descriptor, Digest, Epoch, ImageConfig, Reference};
use crate::store::{ImageLayer, Layer};
use crate::tree::Stack;

/// An image. Layers that are not in the store can be kept and pushed by name; every other output needs them here.
#[derive(Clone)]
pub struct Finished {
    /// Diff IDs and history complete.
    pub config: ImageConfig,
    /// One a diff ID, lowest first.
    pub layers: Vec<ImageLayer>,
    /// What it goes by; may be empty.
    pub names: Vec<Reference>,
    /// The image epoch.
    pub epoch: Epoch,
    /// Of the manifest.
    pub annotations: BTreeMap<String, String>,
}

impl Finished {
    /// The layers, all of which must be in the store.
    pub fn here(&self) -> Result<Vec<Arc<Layer>>, Error> {
        let here = |layer: &ImageLayer| match layer {
            ImageLayer::Here(layer) => Ok(Arc::clone(layer)),
            ImageLayer::Remote(layer) => Err(Error::Missing(layer.diff_id.0)),
        };
        self.layers.iter().map(here).collect()
    }

    /// The root file system, whose layers must be in the store.
    pub fn stack(&self) -> Result<Stack, Error> {
        let entries = |layer: &Arc<Layer>| Ok(Arc::clone(&layer.list()?.entries));
        Ok(Stack::new(self.here()?.iter().map(entries).collect::<Result<_, Error>>()?))
    }
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// With its platform; none where a root file system alone was written.
    pub manifest: Option<Descriptor>,
    /// The image id.
    pub config: Digest,
}
