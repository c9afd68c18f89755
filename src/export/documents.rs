//! The documents of a set of images, once the form of each layer is known.

use std::collections::BTreeMap;

use super::error::Error;
use super::finished::{Exported, ImageSet};
use crate::image::{Document, Image, NamedManifest, Rendered, index};
use crate::oci::{Descriptor, DiffId, Digest, with_platform};

/// Configs, manifests, and the index where there is one.
pub(super) struct Documents {
    /// In the order of the images.
    pub images: Vec<Rendered>,
    /// What lists them.
    pub index: Option<Document>,
}

/// Renders what `set` is made of; `layers` says in which form each layer goes out.
pub(super) fn documents(set: &ImageSet, layers: &BTreeMap<DiffId, Descriptor>) -> Result<Documents, Error> {
    let mut images = Vec::with_capacity(set.images.len());
    for image in &set.images {
        let layers = image.layers.iter().map(|layer| layers[&layer.diff_id()].clone()).collect();
        let (config, annotations) = (image.config.clone(), image.annotations.clone());
        let mut rendered = Image { config, layers, annotations, family: set.family }.render()?;
        if set.indexed {
            // COMPAT: an index says what was asked for, whatever variant the base says of itself. What nobody asked for, it
            // says as the config does.
            let own = image.config.platform();
            let mut platform = image.platform.clone();
            platform.os_version = platform.os_version.or(own.os_version);
            if platform.os_features.is_empty() {
                platform.os_features = own.os_features;
            }
            rendered.manifest.descriptor = with_platform(rendered.manifest.descriptor, &platform);
        }
        annotate(&mut rendered.manifest.descriptor, &image.descriptor_annotations);
        images.push(rendered);
    }
    let manifests = images.iter().map(|image| image.manifest.descriptor.clone()).collect();
    let index = set.indexed.then(|| {
        let mut index = index(manifests, &set.annotations, set.family);
        annotate(&mut index.descriptor, &set.descriptor_annotations);
        index
    });
    Ok(Documents { index, images })
}

fn annotate(descriptor: &mut Descriptor, annotations: &BTreeMap<String, String>) {
    if !annotations.is_empty() {
        descriptor.set_annotations(Some(annotations.clone().into_iter().collect()));
    }
}

impl Documents {
    /// What a name stands for.
    pub fn top(&self) -> &Document {
        self.index.as_ref().unwrap_or(&self.images[0].manifest)
    }

    /// Every document, each after those that it names.
    pub fn all(&self) -> impl Iterator<Item = &Document> {
        self.images.iter().flat_map(|image| [&image.config, &image.manifest]).chain(&self.index)
    }

    /// The top as the index of a layout names it.
    pub fn named(&self, set: &ImageSet) -> NamedManifest {
        let (manifest, names) = (self.top().descriptor.clone(), set.names.clone());
        NamedManifest { manifest, names, created: set.epoch() }
    }

    /// What was written.
    pub fn exported(&self) -> Exported {
        Exported { top: Some(self.top().descriptor.clone()), configs: self.configs() }
    }

    fn configs(&self) -> Vec<Digest> {
        self.images.iter().map(|image| Digest::of(&image.config.bytes)).collect()
    }
}
