//! One image in the store.

use super::error::Error;
use crate::oci::{Descriptor, Digest, ImageConfig, ImageManifest, Platform, Reference, descriptor_digest};
use crate::store::{Layer, Name, Store};

/// LIMIT: as for documents of registries.
pub(super) const LARGEST_DOCUMENT: u64 = 8 << 20;

/// An image in the store.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its names, or those of the index that lists it, sorted; none if it was asked for by digest.
    pub names: Vec<(Reference, Name)>,
    /// What it is for: as its index says, else as its config does.
    pub platform: Platform,
    /// The manifest's digest.
    pub digest: Digest,
    /// The manifest.
    pub manifest: ImageManifest,
    /// The image id.
    pub id: Digest,
    /// The config.
    pub config: ImageConfig,
}

impl Found {
    /// Bytes of its layers' blobs, as the manifest has them.
    pub fn size(&self) -> u64 {
        self.manifest.layers().iter().map(|layer| layer.size()).sum()
    }

    /// Its layers, those that the store has.
    pub fn layers(&self, store: &Store) -> Result<Vec<Option<std::sync::Arc<Layer>>>, Error> {
        let diff_ids = &self.config.rootfs.diff_ids;
        Ok(diff_ids.iter().map(|diff_id| store.layer(*diff_id)).collect::<Result<_, _>>()?)
    }

    /// The image whose manifest these bytes are; none if they are no manifest, or its config is not here.
    pub(super) fn of_manifest(store: &Store, digest: Digest, bytes: &[u8]) -> Result<Option<Found>, Error> {
        let Ok(manifest) = serde_json::from_slice::<ImageManifest>(bytes) else { return Ok(None) };
        let id = descriptor_digest(manifest.config())?;
        let Some(config) = store.read_blob(&id, LARGEST_DOCUMENT)? else { return Ok(None) };
        let Ok(config) = serde_json::from_slice::<ImageConfig>(&config) else { return Ok(None) };
        let platform = config.platform();
        Ok(Some(Found { names: Vec::new(), platform, digest, manifest, id, config }))
    }

    /// The image that an index lists; none if it is not here.
    pub(super) fn listed(store: &Store, listed: &Descriptor) -> Result<Option<Found>, Error> {
        let digest = descriptor_digest(listed)?;
        let Some(bytes) = store.read_blob(&digest, LARGEST_DOCUMENT)? else { return Ok(None) };
        let found = Found::of_manifest(store, digest, &bytes)?;
        let platform = crate::oci::descriptor_platform(listed);
        Ok(found.map(|found| Found { platform: platform.unwrap_or(found.platform.clone()), ..found }))
    }
}
