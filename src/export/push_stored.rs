//! Images of the store into a registry as they are, byte for byte.

use std::sync::Arc;

use super::error::Error;
use super::push::{Item, Manifest, Outbound, Pusher, Work};
use crate::oci::{Descriptor, Reference};
use crate::store::{Layer, Store};

/// A manifest or index, byte for byte.
#[derive(Clone, Debug)]
pub struct StoredManifest {
    /// What it says it is.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// An image whose blobs the store has in the form in which its manifest names them.
#[derive(Clone, Debug)]
pub struct StoredImage {
    /// Its manifest.
    pub manifest: StoredManifest,
    /// Its config, byte for byte.
    pub config: Vec<u8>,
    /// Its layers, with their lists where those are known.
    pub layers: Vec<(Descriptor, Option<Arc<Layer>>)>,
}

/// Pushes `images` by their digests and `index` under `name`; without an index there is one image, which gets the name.
pub fn push_stored(
    store: &Store,
    images: &[StoredImage],
    index: Option<&StoredManifest>,
    name: &Reference,
    pusher: &Pusher<'_>,
) -> Result<(), Error> {
    let work = Work { store, directory: store.temp_dir()? };
    let mut items = Vec::new();
    for image in images {
        for (descriptor, layer) in &image.layers {
            items.push(Item::stored(store, descriptor, layer.as_ref().map(|layer| layer.diff_id))?);
        }
        items.push(Item::bytes(image.config.clone()));
    }
    let manifests: Vec<Manifest<'_>> = images.iter().map(|image| image.manifest.as_ref()).collect();
    let (below, top) = match (index, &manifests[..]) {
        (Some(index), all) => (all, index.as_ref()),
        (None, [only]) => (&[][..], *only),
        (None, _) => return Err(Error::NoNames),
    };
    let names = &[name];
    work.publish(&Outbound { items: &items, sent: 0, below, top, names, by_digest: false }, pusher)
}

impl StoredManifest {
    fn as_ref(&self) -> Manifest<'_> {
        Manifest { media_type: &self.media_type, bytes: &self.bytes }
    }
}
