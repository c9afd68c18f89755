//! The documents of one image, from a reference down to its config.

use super::client::{Client, Resolved};
use super::document::Kind;
use super::error::Error;
use super::select::select;
use crate::oci::{Descriptor, ImageConfig, ImageManifest, Platform, Reference, read_index};

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
                let index = read_index(&resolved.bytes)
                    .map_err(|e| wrong(format!("the index cannot be read: {e}")))?;
                self.manifest(reference, &select(&what, &index, platform)?)?
            }
        };
        let parsed: ImageManifest = serde_json::from_slice(&manifest.bytes)
            .map_err(|e| wrong(format!("the manifest cannot be read: {e}")))?;
        refuse_artifact(&what, &parsed)?;
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

/// Refuses, by name, a manifest that is not that of an image; `what` names it in the error.
pub fn refuse_artifact(what: &str, manifest: &ImageManifest) -> Result<(), Error> {
    check(manifest).map_err(|reason| Error::Document { what: what.to_string(), reason })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(config: &str, layer: &str) -> Result<(), String> {
        let digest = format!("sha256:{:064}", 0);
        let text = format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"{config}","digest":"{digest}","size":2}},"layers":[{{"mediaType":"{layer}","digest":"{digest}","size":2}}]}}"#
        );
        let manifest = serde_json::from_str(&text).expect("valid");
        refuse_artifact("app", &manifest).map_err(|e| e.to_string())
    }

    #[test]
    fn what_is_not_an_image_is_refused_with_its_type() {
        let (config, layer) =
            ("application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+zstd");
        assert_eq!(judged(config, layer), Ok(()));
        let docker = "application/vnd.docker.image.rootfs.diff.tar.gzip";
        assert_eq!(judged("application/vnd.docker.container.image.v1+json", docker), Ok(()));
        let chart = judged("application/vnd.cncf.helm.config.v1+json", layer).expect_err("a chart");
        assert!(chart.contains("helm"), "{chart}");
        assert!(judged(config, "application/vnd.in-toto+json").expect_err("no layer").contains("in-toto"));
        assert!(judged(config, &format!("{layer}+encrypted")).expect_err("no key").contains("encrypted"));
    }
}
