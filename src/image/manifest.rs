//! One image's config and manifest. SPEC: image-spec manifest.md.

use std::collections::{BTreeMap, HashMap};

use oci_spec::image::ImageManifestBuilder;

use super::error::Error;
use crate::oci::{
    Descriptor, DiffId, Digest, ImageConfig, MediaType, canonical, new_descriptor, with_platform,
};

/// An image whose layers have their final bytes.
#[derive(Clone, Debug)]
pub struct Image {
    /// The config, diff IDs and history complete.
    pub config: ImageConfig,
    /// One descriptor per diff ID, lowest first.
    pub layers: Vec<Descriptor>,
    /// Of the manifest.
    pub annotations: BTreeMap<String, String>,
}

/// Bytes, and the descriptor that names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Media type, digest and size of `bytes`.
    pub descriptor: Descriptor,
    /// Canonical JSON.
    pub bytes: Vec<u8>,
}

impl Document {
    /// Names `bytes`.
    pub fn new(media_type: MediaType, bytes: Vec<u8>) -> Document {
        let descriptor = new_descriptor(media_type, Digest::of(&bytes), bytes.len() as u64);
        Document { descriptor, bytes }
    }
}

/// An image as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// What the image id is the digest of.
    pub config: Document,
    /// Its descriptor carries the platform, as an index needs it.
    pub manifest: Document,
}

impl Image {
    /// The bytes of config and manifest.
    pub fn render(&self) -> Result<Rendered, Error> {
        let diff_ids = &self.config.rootfs.diff_ids;
        if diff_ids.len() != self.layers.len() {
            return Err(Error::LayerCount { diff_ids: diff_ids.len(), layers: self.layers.len() });
        }
        let layers = self.layers.iter().zip(diff_ids).map(|(layer, diff_id)| as_oci(layer, *diff_id));
        let config = Document::new(MediaType::ImageConfig, canonical(&self.config));
        let mut manifest = ImageManifestBuilder::default()
            .schema_version(2u32)
            .media_type(MediaType::ImageManifest)
            .config(config.descriptor.clone())
            .layers(layers.collect::<Result<Vec<_>, _>>()?)
            .build()
            .expect("version, config and layers are set");
        let annotations: HashMap<String, String> = self.annotations.clone().into_iter().collect();
        manifest.set_annotations((!annotations.is_empty()).then_some(annotations));
        let mut manifest = Document::new(MediaType::ImageManifest, canonical(&manifest));
        manifest.descriptor = with_platform(manifest.descriptor, &self.config.platform());
        Ok(Rendered { config, manifest })
    }
}

/// The layer's descriptor in OCI's words: what `docker save` and Docker registries say maps one to one.
fn as_oci(layer: &Descriptor, diff_id: DiffId) -> Result<Descriptor, Error> {
    let media_type = match layer.media_type().as_ref() {
        "application/vnd.docker.image.rootfs.diff.tar" => MediaType::ImageLayer,
        "application/vnd.docker.image.rootfs.diff.tar.gzip" => MediaType::ImageLayerGzip,
        "application/vnd.docker.image.rootfs.diff.tar.zstd" => MediaType::ImageLayerZstd,
        "application/vnd.docker.image.rootfs.foreign.diff.tar" => MediaType::ImageLayerNonDistributable,
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" => {
            MediaType::ImageLayerNonDistributableGzip
        }
        // Whatever else calls itself an OCI layer (nondistributable, encrypted, …) goes through as it is.
        other if other.starts_with("application/vnd.oci.image.layer.") => layer.media_type().clone(),
        _ => return Err(Error::LayerType { diff_id, media_type: layer.media_type().clone() }),
    };
    let mut layer = layer.clone();
    layer.set_media_type(media_type);
    Ok(layer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Platform;

    fn image(media_types: &[&str]) -> Image {
        let mut config = ImageConfig::empty(&Platform::new("linux", "amd64", None));
        let layers = media_types
            .iter()
            .map(|t| {
                config.rootfs.diff_ids.push(DiffId(Digest::of(t.as_bytes())));
                new_descriptor(MediaType::from(*t), Digest::of(b"blob"), 4)
            })
            .collect();
        Image { config, layers, annotations: BTreeMap::new() }
    }

    #[test]
    fn a_manifest_has_these_bytes() {
        let rendered = image(&["application/vnd.oci.image.layer.v1.tar+gzip"]).render().expect("fits");
        let config = rendered.config.descriptor.digest();
        let size = rendered.config.bytes.len();
        let blob = Digest::of(b"blob");
        assert_eq!(
            String::from_utf8(rendered.manifest.bytes).expect("utf-8"),
            format!(
                r#"{{"config":{{"digest":"{config}","mediaType":"application/vnd.oci.image.config.v1+json","size":{size}}},"layers":[{{"digest":"{blob}","mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","size":4}}],"mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2}}"#
            )
        );
    }

    #[test]
    fn docker_layers_are_named_in_oci_words_and_strangers_are_refused() {
        let rendered = image(&["application/vnd.docker.image.rootfs.diff.tar.gzip"]).render().expect("fits");
        let text = String::from_utf8(rendered.manifest.bytes).expect("utf-8");
        assert!(text.contains("vnd.oci.image.layer.v1.tar+gzip") && !text.contains("docker"), "{text}");
        assert!(matches!(image(&["text/plain"]).render(), Err(Error::LayerType { .. })));
    }

    #[test]
    fn a_layer_too_few_is_an_error() {
        let mut image = image(&["application/vnd.oci.image.layer.v1.tar"]);
        image.layers.clear();
        assert_eq!(image.render(), Err(Error::LayerCount { diff_ids: 1, layers: 0 }));
    }
}
