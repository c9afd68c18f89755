//! The entries of an `index.json`, and docker's `manifest.json`.

use std::collections::HashMap;

use serde::Serialize;

use super::error::Error;
use super::whole::Whole;
use crate::image::blob_path;
use crate::oci::{
    Descriptor, ImageIndex, MediaType, Reference, canonical, descriptor_digest, index_bytes, with_platform,
};

const IMAGE_NAME: &str = "io.containerd.image.name";
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// What an index lists for an image: one entry a name.
pub(super) fn entries(image: &Whole) -> Vec<Descriptor> {
    let mut plain = image.root.descriptor.clone();
    plain.set_annotations(None);
    if let [part] = &image.parts[..]
        && part.document.descriptor.digest() == plain.digest()
        && let Some(platform) = &part.platform
    {
        plain = with_platform(plain, platform);
    }
    let with = |annotations: HashMap<String, String>| {
        let mut entry = plain.clone();
        entry.set_annotations((!annotations.is_empty()).then_some(annotations));
        entry
    };
    // What was asked for comes before what the image was called where it came from.
    if let Some(ref_name) = &image.ref_name {
        let mut annotations = HashMap::from([(REF_NAME.to_string(), ref_name.clone())]);
        // A tag alone is no reference, though it could be read as one.
        if ref_name.contains(['/', ':'])
            && let Ok(name) = ref_name.parse::<Reference>()
        {
            annotations.insert(IMAGE_NAME.to_string(), name.to_string());
        }
        return vec![with(annotations)];
    }
    if image.names.is_empty() {
        return vec![with(HashMap::new())];
    }
    let named = |name: &Reference| {
        let label = match (&name.tag, &name.digest) {
            (Some(tag), _) => tag.clone(),
            (None, Some(digest)) => digest.to_string(),
            (None, None) => "latest".to_string(),
        };
        with(HashMap::from([(IMAGE_NAME.to_string(), name.to_string()), (REF_NAME.to_string(), label)]))
    };
    image.names.iter().map(named).collect()
}

/// An index with `new` in it besides what `old` lists. What had one of the new names before loses its place.
pub(super) fn render(old: Vec<Descriptor>, new: Vec<Descriptor>) -> Vec<u8> {
    let annotation = |d: &Descriptor, key: &str| d.annotations().as_ref().and_then(|a| a.get(key).cloned());
    let name = |d: &Descriptor| annotation(d, IMAGE_NAME).or_else(|| annotation(d, REF_NAME));
    let mut manifests = old;
    manifests.retain(|old| {
        !new.iter().any(|new| match (name(old), name(new)) {
            (Some(old), Some(new)) => old == new,
            (None, _) => old.digest() == new.digest(),
            (Some(_), None) => false,
        })
    });
    manifests.extend(new);
    let mut index = ImageIndex::default();
    index.set_schema_version(2);
    index.set_media_type(Some(MediaType::ImageIndex));
    index.set_manifests(manifests);
    index_bytes(&index)
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    config: String,
    layers: Vec<String>,
    repo_tags: Option<Vec<String>>,
}

/// The `manifest.json` by which docker and podman load images. It has one platform of each.
pub(super) fn docker_list(images: &[Whole]) -> Result<Vec<u8>, Error> {
    let mut items = Vec::new();
    for image in images {
        let part = image.main().ok_or_else(|| {
            Error::form("docker-archive", format!("{} is no image", image.root.descriptor.digest()))
        })?;
        let path = |descriptor: &Descriptor| -> Result<String, Error> {
            Ok(blob_path(&descriptor_digest(descriptor)?))
        };
        let tag = |name: &Reference| Reference { digest: None, ..name.clone() }.familiar();
        let mut tags: Vec<String> = image.names.iter().filter(|name| name.tag.is_some()).map(tag).collect();
        tags.sort();
        tags.dedup();
        items.push(Item {
            config: path(part.manifest.config())?,
            layers: part.manifest.layers().iter().map(path).collect::<Result<_, _>>()?,
            repo_tags: (!tags.is_empty()).then_some(tags),
        });
    }
    Ok(canonical(&items))
}
