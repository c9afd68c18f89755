//! Keeping images in the store.

use super::documents::documents;
use super::error::Error;
use super::finished::{Exported, ImageSet};
use crate::store::{ImageLayer, Store};

/// Puts manifests, configs and the index into the store; the layers are there already, or it is noted where they can be
/// had, and are named as what they are. The caller sets the names.
pub fn keep(store: &Store, set: &ImageSet) -> Result<Exported, Error> {
    let layers = set.layers();
    for layer in &layers {
        if let ImageLayer::Remote(layer) = layer {
            store.note_remote_layer(layer)?;
        }
    }
    let layers = layers.into_iter().map(|layer| (layer.diff_id(), layer.descriptor())).collect();
    let documents = documents(set, &layers)?;
    for document in documents.all() {
        store.put_blob(&document.bytes)?;
    }
    Ok(documents.exported())
}
