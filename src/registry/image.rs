//! The documents of one image, from a reference down to its config.

use super::client::{Client, Resolved};
use super::document::Kind;
use super::error::Error;
use super::select::select;
use crate::oci::{Descriptor, ImageConfig, ImageIndex, ImageManifest, Platform, Reference};

/// An image without its layers.
#[derive(Clone, Debug)]
pub struct Image {
    /// What the reference named: the index, or the manifest itself.
    pub resolved: Resolved,
    /// The manifest of the platform.
    pub manifest: Resolved,
    /// The same, read.
    pub parsed: ImageManifest,
    /// The config, byte for byte.
    pub config_bytes: Vec<u8>,
    /// The same, read.
    pub config: ImageConfig,
}

impl Image {
    /// The layers, lowest first.
    pub fn layers(&self) -> &[Descriptor] {
        self.parsed.layers()
    }
}

// LIMIT: a config of 16 MiB has a history that nobody wrote by hand.
const LARGEST_CONFIG: u64 = 16 << 20;
// LIMIT: far beyond the 127 of Docker's graph driver and the 500 of overlay.
const MOST_LAYERS: usize = 4096;

impl Client {
    /// Resolves `reference`, picks the manifest for `platform`, and fetches its config. What is not an image (an
    /// artifact of another kind) is refused by name.
    pub fn image(&self, reference: &Reference, platform: &Platform) -> Result<Image, Error> {
        let what = reference.familiar();
        let wrong = |reason: String| Error::Document { what: what.clone(), reason };
        let resolved = self.resolve(reference)?;
        let manifest = match resolved.kind {
            Kind::Manifest => resolved.clone(),
            Kind::Index => {
                let index: ImageIndex = serde_json::from_slice(&resolved.bytes)
                    .map_err(|e| wrong(format!("the index cannot be read: {e}")))?;
                self.manifest(reference, &select(&what, &index, platform)?)?
            }
        };
        let parsed: ImageManifest = serde_json::from_slice(&manifest.bytes)
            .map_err(|e| wrong(format!("the manifest cannot be read: {e}")))?;
        check(&parsed).map_err(&wrong)?;
        if parsed.config().size() > LARGEST_CONFIG {
            return Err(wrong(format!(
                "its config has {} bytes; at most {LARGEST_CONFIG} are read",
                parsed.config().size()
            )));
        }
        let config_bytes =
            self.blob_into(reference, parsed.config(), &mut || Ok(Vec::new()), &|_| {}, &|| false)?;
        let config: ImageConfig = serde_json::from_slice(&config_bytes)
            .map_err(|e| wrong(format!("the config cannot be read: {e}")))?;
        let (layers, diff_ids) = (parsed.layers().len(), config.rootfs.diff_ids.len());
        if layers != diff_ids {
            return Err(wrong(format!("the manifest has {layers} layers and the config {diff_ids}")));
        }
        Ok(Image { resolved, manifest, parsed, config_bytes, config })
    }
}

/// Whether a manifest is that of an image. SPEC: image-spec manifest.md; artifacts have other config types.
fn check(manifest: &ImageManifest) -> Result<(), String> {
    const CONFIGS: [&str; 2] =
        ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];
    let config = manifest.config().media_type().to_string();
    if !CONFIGS.contains(&config.as_str()) {
        let artifact = manifest.artifact_type().as_ref().map(|a| a.to_string()).unwrap_or(config);
        return Err(format!("it is not an image but an artifact of type {artifact:?}"));
    }
    if manifest.layers().len() > MOST_LAYERS {
        return Err(format!("it has {} layers; at most {MOST_LAYERS} are read", manifest.layers().len()));
    }
    for layer in manifest.layers() {
        let media_type = layer.media_type().to_string();
        let known = ["application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs."]
            .iter()
            .any(|prefix| media_type.starts_with(prefix));
        if !known {
            return Err(format!("its layer {} is of type {media_type:?}, which is no layer", layer.digest()));
        }
        if media_type.ends_with("+encrypted") {
            return Err(format!("its layer {} is encrypted: not supported", layer.digest()));
        }
    }
    Ok(())
}
