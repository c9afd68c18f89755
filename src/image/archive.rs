//! What stands around the blobs of an image layout, and Docker's own list in an archive for `docker load`.

use serde::Serialize;

use super::error::Error;
use super::manifest::Rendered;
use crate::oci::{Descriptor, Digest, ImageManifest, Reference, canonical, descriptor_digest};

/// The content of `oci-layout`. SPEC: image-spec image-layout.md.
pub fn layout_marker() -> &'static [u8] {
    br#"{"imageLayoutVersion":"1.0.0"}"#
}

/// Where a layout keeps the blob of that digest.
pub fn blob_path(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// COMPAT: moby's `manifest.json`; its paths may be any in the archive, so they are the layout's.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    config: String,
    layers: Vec<String>,
    repo_tags: Option<Vec<String>>,
}

/// The `manifest.json` by which `docker load` and `podman load` find the image.
pub fn docker_manifest(image: &Rendered, names: &[Reference]) -> Result<Vec<u8>, Error> {
    let broken = |e: String| Error::Index(e);
    let manifest: ImageManifest =
        serde_json::from_slice(&image.manifest.bytes).map_err(|e| broken(e.to_string()))?;
    let path =
        |d: &Descriptor| descriptor_digest(d).map(|d| blob_path(&d)).map_err(|e| broken(e.to_string()));
    // Only tags can be loaded; docker shows them in the familiar form.
    let tags: Vec<String> = names.iter().filter(|n| n.tag.is_some()).map(tag).collect();
    Ok(canonical(&[Item {
        config: path(&image.config.descriptor)?,
        layers: manifest.layers().iter().map(path).collect::<Result<_, _>>()?,
        repo_tags: (!tags.is_empty()).then_some(tags),
    }]))
}

fn tag(name: &Reference) -> String {
    Reference { digest: None, ..name.clone() }.familiar()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::family::Family;
    use crate::image::manifest::Image;
    use crate::oci::{DiffId, ImageConfig, MediaType, Platform, new_descriptor};

    #[test]
    fn docker_finds_config_layers_and_tags() {
        let mut config = ImageConfig::empty(&Platform::new("linux", "amd64", None));
        config.rootfs.diff_ids.push(DiffId(Digest::of(b"")));
        let layers = vec![new_descriptor(MediaType::ImageLayerGzip, Digest::of(b"blob"), 4)];
        let image = Image { config, layers, annotations: Default::default(), family: Family::Oci }
            .render()
            .expect("fits");
        let names = ["app:1", "ghcr.io/a/b:c"].map(|n| n.parse().expect("valid"));
        let text = String::from_utf8(docker_manifest(&image, &names).expect("fits")).expect("utf-8");
        let (config, blob) = (Digest::of(&image.config.bytes).hex(), Digest::of(b"blob").hex());
        assert_eq!(
            text,
            format!(
                r#"[{{"Config":"blobs/sha256/{config}","Layers":["blobs/sha256/{blob}"],"RepoTags":["app:1","ghcr.io/a/b:c"]}}]"#
            )
        );
    }
}
