//! A finished image, and what is known of it once it was written.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::oci::{Descriptor, Digest, Epoch, ImageConfig, Reference};
use crate::store::Layer;
use crate::tree::Stack;

/// An image, all of whose layers are in the store.
#[derive(Clone)]
pub struct Finished {
    /// Diff IDs and history complete.
    pub config: ImageConfig,
    /// One a diff ID, lowest first.
    pub layers: Vec<Arc<Layer>>,
    /// What it goes by; may be empty.
    pub names: Vec<Reference>,
    /// The image epoch.
    pub epoch: Epoch,
    /// Of the manifest.
    pub annotations: BTreeMap<String, String>,
}

impl Finished {
    /// The root file system.
    pub fn stack(&self) -> Stack {
        Stack::new(self.layers.iter().map(|layer| Arc::clone(&layer.list.entries)).collect())
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
