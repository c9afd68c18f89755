//! The images that a layout or an archive lists, each with what it goes by.
//!
//! SPEC: image-spec image-layout.md (`index.json`); `manifest.json` as `docker save` writes it, alone or beside an
//! `index.json`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::bundle::Bundle;
use super::error::Error;
use crate::image::{Document, blob_path};
use crate::layer::{Encoding, sniff};
use crate::oci::{
    Descriptor, Digest, ImageConfig, ImageManifest, MediaType, Reference, descriptor_digest, read_index,
};

/// What containerd, docker and podman look for: the whole reference.
const IMAGE_NAME: &str = "io.containerd.image.name";
/// What image layouts look for: a tag, or a whole reference.
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// An image that is listed.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    /// The manifest or index.
    pub descriptor: Descriptor,
    /// Whole references.
    pub names: Vec<Reference>,
    /// All that it can be asked for by.
    pub labels: Vec<String>,
}

/// All images of a bundle.
pub(super) struct Listing {
    pub images: Vec<Listed>,
    /// Where blobs lie that are not where a layout has them.
    pub blobs: BTreeMap<Digest, String>,
    /// Manifests that are in no file.
    pub made: BTreeMap<Digest, Document>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Version {
    #[serde(rename = "imageLayoutVersion")]
    version: String,
}

/// Reads what `bundle` lists. An index is believed before docker's list: it has the manifests, byte for byte.
pub(super) fn list(bundle: &Bundle) -> Result<Listing, Error> {
    let wrong = |reason: String| Error::form(bundle.place(), reason);
    let items: Option<Vec<Item>> = match bundle.small("manifest.json")? {
        Some(bytes) => {
            Some(serde_json::from_slice(&bytes).map_err(|e| wrong(format!("manifest.json: {e}")))?)
        }
        None => None,
    };
    let Some(index) = bundle.small("index.json")? else {
        let Some(items) = items else {
            let reason =
                "no image in it: neither index.json (of an image layout) nor manifest.json (of docker save)";
            let other = "; a tar of a root file system is read by `rbuild import`";
            return Err(wrong(format!("{reason}{other}")));
        };
        return of_docker(bundle, &items);
    };
    if let Some(marker) = bundle.small("oci-layout")? {
        let version: Version =
            serde_json::from_slice(&marker).map_err(|e| wrong(format!("oci-layout: {e}")))?;
        if !version.version.starts_with("1.") {
            return Err(wrong(format!("image layouts of version {:?} are not known", version.version)));
        }
    }
    let index = read_index(&index).map_err(|e| wrong(format!("index.json: {e}")))?;
    let mut images: Vec<Listed> = Vec::new();
    for descriptor in index.manifests() {
        let (names, labels) = called(descriptor);
        match images.iter_mut().find(|image| image.descriptor.digest() == descriptor.digest()) {
            Some(image) => {
                image.names.extend(names);
                image.labels.extend(labels);
            }
            None => images.push(Listed { descriptor: bare(descriptor), names, labels }),
        }
    }
    for item in items.iter().flatten() {
        name_by_config(bundle, item, &mut images)?;
    }
    for image in &mut images {
        image.names.sort();
        image.names.dedup();
    }
    Ok(Listing { images, blobs: BTreeMap::new(), made: BTreeMap::new() })
}

/// Without what the index says of it as an entry of its own.
fn bare(descriptor: &Descriptor) -> Descriptor {
    let mut bare = descriptor.clone();
    bare.set_annotations(None);
    bare
}

/// What an index calls an image.
fn called(descriptor: &Descriptor) -> (Vec<Reference>, Vec<String>) {
    let annotation = |key: &str| descriptor.annotations().as_ref().and_then(|a| a.get(key).cloned());
    let (whole, label) = (annotation(IMAGE_NAME), annotation(REF_NAME));
    // A tag alone is a name in its layout, and none outside.
    let reference = whole.clone().or_else(|| label.clone().filter(|label| label.contains(['/', ':'])));
    let names = reference.and_then(|name| name.parse().ok()).into_iter().collect();
    (names, label.into_iter().chain(whole).collect())
}

/// The tags that docker's list gives to what the index lists too.
fn name_by_config(bundle: &Bundle, item: &Item, images: &mut [Listed]) -> Result<(), Error> {
    for image in images {
        let digest = descriptor_digest(&image.descriptor)?;
        let Some(bytes) = bundle.small(&blob_path(&digest))? else { continue };
        let Ok(manifest) = serde_json::from_slice::<ImageManifest>(&bytes) else { continue };
        let config = descriptor_digest(manifest.config())?;
        if item.config.contains(&config.hex()) {
            let tags = item.repo_tags.iter().flatten();
            image.names.extend(tags.clone().filter_map(|tag| tag.parse::<Reference>().ok()));
            image.labels.extend(tags.cloned());
        }
    }
    Ok(())
}

/// Images of which there is no manifest: one is made of what there is, of the bytes as they lie there.
fn of_docker(bundle: &Bundle, items: &[Item]) -> Result<Listing, Error> {
    let mut listing = Listing { images: Vec::new(), blobs: BTreeMap::new(), made: BTreeMap::new() };
    for item in items {
        let wrong = |reason: String| Error::form(bundle.place(), reason);
        let missing = |name: &str| wrong(format!("manifest.json names {name}, which is not there"));
        let config_bytes = bundle.small(&item.config)?.ok_or_else(|| missing(&item.config))?;
        let config: ImageConfig =
            serde_json::from_slice(&config_bytes).map_err(|e| wrong(format!("{}: {e}", item.config)))?;
        let files = item.layers.as_deref().unwrap_or_default();
        let diff_ids = &config.rootfs.diff_ids;
        if files.len() != diff_ids.len() {
            let count = diff_ids.len();
            return Err(wrong(format!("{} layers, and a config that names {count}", files.len())));
        }
        let config = Document::new(MediaType::ImageConfig, config_bytes);
        listing.blobs.insert(descriptor_digest(&config.descriptor)?, item.config.clone());
        let mut layers = Vec::new();
        for (name, diff_id) in files.iter().zip(diff_ids) {
            let (mut file, size) = bundle.file(name)?.ok_or_else(|| missing(name))?;
            let mut head = [0; 16];
            let broken = |e: std::io::Error| wrong(format!("{name}: {e}"));
            let count = file.read(&mut head).map_err(broken)?;
            let media_type = match sniff(&head[..count]) {
                Encoding::Plain => MediaType::ImageLayer,
                Encoding::Gzip => MediaType::ImageLayerGzip,
                Encoding::Zstd => MediaType::ImageLayerZstd,
                other => return Err(wrong(format!("{name}: layers in {other:?} form are not supported"))),
            };
            let digest = match media_type {
                // The blob is the tar: held against it when it is read.
                MediaType::ImageLayer => diff_id.0,
                _ => {
                    let (mut file, _) = bundle.file(name)?.ok_or_else(|| missing(name))?;
                    super::origin::digest_of(&mut file).map_err(broken)?
                }
            };
            listing.blobs.insert(digest, name.clone());
            layers.push(crate::oci::new_descriptor(media_type, digest, size));
        }
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": MediaType::ImageManifest.to_string(),
            "config": config.descriptor,
            "layers": layers,
        });
        let made = Document::new(MediaType::ImageManifest, crate::oci::canonical(&manifest));
        let labels = item.repo_tags.clone().unwrap_or_default();
        let mut names: Vec<Reference> = Vec::new();
        for tag in &labels {
            names.push(tag.parse().map_err(|e| wrong(format!("manifest.json: {e}")))?);
        }
        listing.images.push(Listed { descriptor: made.descriptor.clone(), names, labels });
        listing.made.insert(descriptor_digest(&made.descriptor)?, made);
    }
    Ok(listing)
}
