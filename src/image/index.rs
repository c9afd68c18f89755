//! Indexes: of an image's platforms, and the `index.json` of a layout. SPEC: image-spec image-index.md, image-layout.md.

use std::collections::{BTreeMap, HashMap};

use super::error::Error;
use super::family::Family;
use super::manifest::Document;
use crate::oci::{Descriptor, Epoch, ImageIndex, MediaType, Reference, index_bytes, read_index};

/// What containerd, `docker load` and `podman load` look for: the whole reference.
const IMAGE_NAME: &str = "io.containerd.image.name";
/// What image layouts look for: COMPAT: the tag alone, as containerd and BuildKit write it.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
const CREATED: &str = "org.opencontainers.image.created";

/// The index of an image that has a manifest for each platform, in the order given.
pub fn index(manifests: Vec<Descriptor>, annotations: &BTreeMap<String, String>, family: Family) -> Document {
    let mut index = Index { manifests }.whole();
    index.set_media_type(Some(family.index()));
    let annotations: HashMap<String, String> = annotations.clone().into_iter().collect();
    index.set_annotations((!annotations.is_empty()).then_some(annotations));
    Document::new(family.index(), index_bytes(&index))
}

/// A manifest or index and what it goes by.
#[derive(Clone, Debug)]
pub struct NamedManifest {
    /// The manifest, with its platform; or the index.
    pub manifest: Descriptor,
    /// None: the image stands in the layout without a name.
    pub names: Vec<Reference>,
    /// The image epoch.
    pub created: Epoch,
}

impl NamedManifest {
    /// One descriptor a name, each with the annotations by which tools find it.
    pub fn descriptors(&self) -> Vec<Descriptor> {
        let annotated = |name: Option<&Reference>| {
            let mut annotations: HashMap<String, String> =
                self.manifest.annotations().clone().unwrap_or_default();
            annotations.insert(CREATED.to_string(), self.created.rfc3339());
            if let Some(name) = name {
                annotations.insert(IMAGE_NAME.to_string(), name.to_string());
                annotations.insert(REF_NAME.to_string(), ref_name(name));
            }
            let mut descriptor = self.manifest.clone();
            descriptor.set_annotations(Some(annotations));
            descriptor
        };
        match self.names.as_slice() {
            [] => vec![annotated(None)],
            names => names.iter().map(|name| annotated(Some(name))).collect(),
        }
    }
}

fn ref_name(name: &Reference) -> String {
    match (&name.tag, &name.digest) {
        (Some(tag), _) => tag.clone(),
        (None, Some(digest)) => digest.to_string(),
        (None, None) => "latest".to_string(),
    }
}

/// An index under construction.
#[derive(Clone, Debug, Default)]
pub struct Index {
    manifests: Vec<Descriptor>,
}

impl Index {
    /// An index with nothing in it.
    pub fn new() -> Index {
        Index::default()
    }

    /// The index that a layout holds already.
    pub fn parse(bytes: &[u8]) -> Result<Index, Error> {
        let index = read_index(bytes).map_err(|e| Error::Index(e.to_string()))?;
        Ok(Index { manifests: index.manifests().clone() })
    }

    /// Adds an image. What had one of its names before loses its place, and so does an unnamed entry of the same
    /// manifest; everything else stays, in its order.
    pub fn put(&mut self, image: &NamedManifest) {
        let name = |d: &Descriptor| d.annotations().as_ref().and_then(|a| a.get(IMAGE_NAME).cloned());
        let new = image.descriptors();
        self.manifests.retain(|old| {
            !new.iter().any(|new| match (name(old), name(new)) {
                (Some(old), Some(new)) => old == new,
                (None, _) => old.digest() == new.digest(),
                (Some(_), None) => false,
            })
        });
        self.manifests.extend(new);
    }

    /// Canonical JSON.
    pub fn render(&self) -> Vec<u8> {
        index_bytes(&self.whole())
    }

    fn whole(&self) -> ImageIndex {
        let mut index = ImageIndex::default();
        index.set_schema_version(2);
        index.set_media_type(Some(MediaType::ImageIndex));
        index.set_manifests(self.manifests.clone());
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::{Digest, new_descriptor};

    fn named(bytes: &[u8], names: &[&str]) -> NamedManifest {
        NamedManifest {
            manifest: new_descriptor(MediaType::ImageManifest, Digest::of(bytes), 1),
            names: names.iter().map(|n| n.parse().expect("valid")).collect(),
            created: Epoch(0),
        }
    }

    #[test]
    fn each_name_has_its_own_descriptor_with_the_annotations_of_containerd() {
        let mut index = Index::new();
        index.put(&named(b"a", &["app:1", "ghcr.io/x/y:2"]));
        let text = String::from_utf8(index.render()).expect("utf-8");
        let one = format!(
            r#"{{"annotations":{{"io.containerd.image.name":"docker.io/library/app:1","org.opencontainers.image.created":"1970-01-01T00:00:00Z","org.opencontainers.image.ref.name":"1"}},"digest":"{}","mediaType":"application/vnd.oci.image.manifest.v1+json","size":1}}"#,
            Digest::of(b"a")
        );
        assert!(text.starts_with(&format!(r#"{{"manifests":[{one},"#)), "{text}");
        assert!(text.contains(r#""io.containerd.image.name":"ghcr.io/x/y:2""#));
        assert!(
            text.ends_with(r#""mediaType":"application/vnd.oci.image.index.v1+json","schemaVersion":2}"#)
        );
    }

    #[test]
    fn a_name_moves_and_other_images_stay() {
        let mut index = Index::new();
        index.put(&named(b"other", &["other"]));
        index.put(&named(b"a", &["app"]));
        let mut index = Index::parse(&index.render()).expect("our own");
        index.put(&named(b"b", &["app"]));
        let digests: Vec<String> = index.manifests.iter().map(|m| m.digest().to_string()).collect();
        assert_eq!(digests, [Digest::of(b"other").to_string(), Digest::of(b"b").to_string()]);
        assert!(matches!(Index::parse(b"[]"), Err(Error::Index(_))));
    }
}
