//! One image's config and manifest. SPEC: image-spec manifest.md.

use std::collections::{BTreeMap, HashMap};

use oci_spec::image::ImageManifestBuilder;

use super::error::Error;
use super::family::Family;
use crate::oci::{Descriptor, Digest, ImageConfig, MediaType, canonical, new_descriptor, with_platform};

/// An image whose layers have their final bytes.
#[derive(Clone, Debug)]
pub struct Image {
    /// The config, diff IDs and history complete.
    pub config: ImageConfig,
    /// One descriptor per diff ID, lowest first.
    pub layers: Vec<Descriptor>,
    /// Of the manifest.
    pub annotations: BTreeMap<String, String>,
    /// What all of it is called.
    pub family: Family,
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
        let layers =
            self.layers.iter().zip(diff_ids).map(|(layer, diff_id)| self.family.layer(layer, *diff_id));
        let config = Document::new(self.family.config(), canonical(&self.config));
        let mut manifest = ImageManifestBuilder::default()
            .schema_version(2u32)
            .media_type(self.family.manifest())
            .config(config.descriptor.clone())
            .layers(layers.collect::<Result<Vec<_>, _>>()?)
            .build()
            .expect("version, config and layers are set");
        let annotations: HashMap<String, String> = self.annotations.clone().into_iter().collect();
        manifest.set_annotations((!annotations.is_empty()).then_some(annotations));
        let mut manifest = Document::new(self.family.manifest(), canonical(&manifest));
        manifest.descriptor = with_platform(manifest.descriptor, &self.config.platform());
        Ok(Rendered { config, manifest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::{DiffId, Platform};

    fn image(media_types: &[&str]) -> Image {
        let mut config = ImageConfig::empty(&Platform::new("linux", "amd64", None));
        let layers = media_types
            .iter()
            .map(|t| {
                config.rootfs.diff_ids.push(DiffId(Digest::of(t.as_bytes())));
                new_descriptor(MediaType::from(*t), Digest::of(b"blob"), 4)
            })
            .collect();
        Image { config, layers, annotations: BTreeMap::new(), family: Family::Oci }
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
    fn docker_has_words_for_all_but_zstandard() {
        let gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
        let rendered = Image { family: Family::Docker, ..image(&[gzip]) }.render().expect("fits");
        let text = String::from_utf8(rendered.manifest.bytes).expect("utf-8");
        assert!(!text.contains("vnd.oci"), "{text}");
        for part in ["manifest.v2+json", "container.image.v1+json", "rootfs.diff.tar.gzip"] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(rendered.config.bytes, image(&[gzip]).render().expect("fits").config.bytes);
        let zstd =
            Image { family: Family::Docker, ..image(&["application/vnd.oci.image.layer.v1.tar+zstd"]) };
        assert!(matches!(zstd.render(), Err(Error::NoDocker { .. })));
    }

    #[test]
    fn a_layer_too_few_is_an_error() {
        let mut image = image(&["application/vnd.oci.image.layer.v1.tar"]);
        image.layers.clear();
        assert_eq!(image.render(), Err(Error::LayerCount { diff_ids: 1, layers: 0 }));
    }
}
