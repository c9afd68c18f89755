//! Keeping images in the store.

use super::documents::documents;
use super::error::Error;
use super::finished::{Exported, ImageSet};
use crate::oci::new_descriptor;
use crate::store::Store;

/// Puts manifests, configs and the index into the store; the layers are there already and keep the form that they have.
/// The caller sets the names.
pub fn keep(store: &Store, set: &ImageSet) -> Result<Exported, Error> {
    let kept = |l: &crate::store::Layer| new_descriptor(l.media_type.clone(), l.blob, l.size);
    let layers = set.layers().into_iter().map(|layer| (layer.diff_id, kept(layer))).collect();
    let documents = documents(set, &layers)?;
    for document in documents.all() {
        store.put_blob(&document.bytes)?;
    }
    Ok(documents.exported())
}
