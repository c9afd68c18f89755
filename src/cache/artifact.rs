//! A cache as an OCI image manifest: in a form that registries take which have never heard of artifacts.
//!
//! The config is two words; the first layer is the list of records; then come the layers' blobs and lists, so that a
//! registry's collector keeps them. SPEC: image-spec manifest.md, "Guidelines for Artifact Usage".

use oci_spec::image::ImageManifestBuilder;

use super::document::{Document, LARGEST};
use super::error::Error;
use crate::oci::{
    Descriptor, Digest, ImageManifest, MediaType, canonical, descriptor_digest, new_descriptor,
};

/// Of the config: by this a cache is known.
pub(super) const CONFIG: &str = "application/vnd.rbuild.cache.config.v1+json";
/// Of the list of records.
const RECORDS: &str = "application/vnd.rbuild.cache.records.v1+zstd";
/// Of a layer's entry list.
const LIST: &str = "application/vnd.rbuild.layer.list.v1+zstd";
/// Of the manifest.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The config.
pub(super) const CONFIG_BYTES: &[u8] = br#"{"version":1}"#;

/// A manifest, and the list of records that it names.
pub(super) struct Artifact {
    /// The manifest's bytes.
    pub manifest: Vec<u8>,
    /// The list's bytes.
    pub records: Vec<u8>,
}

impl Artifact {
    /// Of a document.
    pub fn of(document: &Document) -> Artifact {
        let records = document.encode();
        let described = |kind: &str, digest, size| new_descriptor(MediaType::from(kind), digest, size);
        let mut layers = vec![described(RECORDS, Digest::of(&records), records.len() as u64)];
        for layer in document.layers.values() {
            layers.push(new_descriptor(layer.media_type.clone(), layer.blob, layer.size));
            layers.extend(layer.list.map(|(list, size)| described(LIST, list, size)));
        }
        let manifest = ImageManifestBuilder::default()
            .schema_version(2u32)
            .media_type(MediaType::ImageManifest)
            .config(described(CONFIG, Digest::of(CONFIG_BYTES), CONFIG_BYTES.len() as u64))
            .layers(layers)
            .build()
            .expect("version, config and layers are set");
        Artifact { manifest: canonical(&manifest), records }
    }
}

/// Whether a manifest is a cache's.
pub(super) fn is_cache(manifest: &ImageManifest) -> bool {
    manifest.config().media_type().as_ref() == CONFIG
}

/// Where the list of records is.
pub(super) fn records_of(manifest: &ImageManifest) -> Result<(Descriptor, Digest), Error> {
    let wrong = |reason: &str| Error::document("manifest", reason);
    let records = manifest.layers().first().filter(|layer| layer.media_type().as_ref() == RECORDS);
    let records = records.ok_or_else(|| wrong("its first layer is no list of records"))?;
    if records.size() > LARGEST {
        return Err(wrong(&format!(
            "its list of records has {} bytes; at most {LARGEST} are read",
            records.size()
        )));
    }
    Ok((records.clone(), descriptor_digest(records).map_err(|e| wrong(&e.to_string()))?))
}
