//! Finished images, and what is known of them once they were written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::error::Error;
use crate::image::Family;
use crate::oci::{Descriptor, Digest, Epoch, ImageConfig, Platform, Reference};
use crate::store::{ImageLayer, Layer};
use crate::tree::Stack;

/// An image. Layers that are not in the store can be kept and pushed by name; every other output needs them here.
#[derive(Clone)]
pub struct Finished {
    /// What it was made for: what an index says of it.
    pub platform: Platform,
    /// Diff IDs and history complete.
    pub config: ImageConfig,
    /// One a diff ID, lowest first.
    pub layers: Vec<ImageLayer>,
    /// The image epoch.
    pub epoch: Epoch,
    /// Of the manifest.
    pub annotations: BTreeMap<String, String>,
    /// Of the manifest where an index lists it.
    pub descriptor_annotations: BTreeMap<String, String>,
}

impl Finished {
    /// The layers, all of which must be in the store.
    pub fn here(&self) -> Result<Vec<Arc<Layer>>, Error> {
        self.layers.iter().map(here).collect()
    }

    /// The root file system, whose layers must be in the store.
    pub fn stack(&self) -> Result<Stack, Error> {
        let entries = |layer: &Arc<Layer>| Ok(layer.list()?.entries.clone());
        Ok(Stack::new(self.here()?.iter().map(entries).collect::<Result<_, Error>>()?))
    }
}

/// What a build leaves, and what every output takes: an image, or one for each of several platforms.
#[derive(Clone)]
pub struct ImageSet {
    /// In the order in which an index lists them; at least one.
    pub images: Vec<Finished>,
    /// Whether there is an index above them: always above several, above a single one if it was asked for.
    pub indexed: bool,
    /// What the image, or the index, goes by; may be empty.
    pub names: Vec<Reference>,
    /// Of the index.
    pub annotations: BTreeMap<String, String>,
    /// Of the index where that of a layout lists it.
    pub descriptor_annotations: BTreeMap<String, String>,
    /// What all of it is called.
    pub family: Family,
}

impl ImageSet {
    /// One image without an index.
    pub fn one(image: Finished, names: Vec<Reference>) -> ImageSet {
        ImageSet::of(vec![image], false, names)
    }

    /// Images, and whether there is an index above them.
    pub fn of(images: Vec<Finished>, indexed: bool, names: Vec<Reference>) -> ImageSet {
        let (annotations, descriptor_annotations) = (BTreeMap::new(), BTreeMap::new());
        ImageSet { images, indexed, names, annotations, descriptor_annotations, family: Family::Oci }
    }

    /// The image epoch: of several, the first one's.
    pub fn epoch(&self) -> Epoch {
        self.images.first().map_or(crate::oci::LAYER_EPOCH, |image| image.epoch)
    }

    /// The platforms, for a message.
    pub(super) fn platforms(&self) -> String {
        let names: Vec<String> = self.images.iter().map(|image| image.platform.to_string()).collect();
        names.join(", ")
    }

    /// Every layer of every image, each once, in the order in which they are first met.
    pub(super) fn layers(&self) -> Vec<&ImageLayer> {
        let mut seen = BTreeSet::new();
        let all = self.images.iter().flat_map(|image| &image.layers);
        all.filter(|layer| seen.insert(layer.diff_id())).collect()
    }

    /// The same, all of which must be in the store.
    pub(super) fn here(&self) -> Result<Vec<Arc<Layer>>, Error> {
        self.layers().into_iter().map(here).collect()
    }
}

fn here(layer: &ImageLayer) -> Result<Arc<Layer>, Error> {
    match layer {
        ImageLayer::Here(layer) => Ok(Arc::clone(layer)),
        ImageLayer::Remote(layer) => Err(Error::Missing(layer.diff_id.0)),
    }
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The index where there is one, else the manifest with its platform; none where root file systems alone were written.
    pub top: Option<Descriptor>,
    /// The image ids, in the order of the images.
    pub configs: Vec<Digest>,
}
