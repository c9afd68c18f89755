//! Keeping an image in the store.

use super::error::Error;
use super::finished::{Exported, Finished};
use crate::image::Image;
use crate::oci::Digest;
use crate::store::{ImageLayer, Store};

/// Puts manifest and config into the store; the layers are there already, or it is noted where they can be had, and are
/// named as what they are. The caller sets the names.
pub fn keep(store: &Store, image: &Finished) -> Result<Exported, Error> {
    let layers = image.layers.iter().map(ImageLayer::descriptor).collect();
    let annotations = image.annotations.clone();
    let rendered = Image { config: image.config.clone(), layers, annotations }.render()?;
    let config = store.put_blob(&rendered.config.bytes)?;
    store.put_blob(&rendered.manifest.bytes)?;
    debug_assert_eq!(config, Digest::of(&rendered.config.bytes));
    for layer in &image.layers {
        if let ImageLayer::Remote(layer) = layer {
            store.note_remote_layer(layer)?;
        }
    }
    Ok(Exported { manifest: Some(rendered.manifest.descriptor), config })
}
