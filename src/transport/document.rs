//! Manifests and indexes, verbatim, and what they say.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::error::Error;
use crate::image::Document;
use crate::oci::{Descriptor, Digest, ImageIndex, ImageManifest, MediaType, descriptor_digest};
use crate::registry::{ACCEPTED, Kind};

/// LIMIT: as for documents of registries.
pub(super) const LARGEST_DOCUMENT: u64 = 8 << 20;

/// What a document says.
#[derive(Clone, Debug)]
pub(super) enum Said {
    Index(Box<ImageIndex>),
    Manifest(Box<ImageManifest>),
}

#[derive(Deserialize)]
struct Shape {
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
    manifests: Option<IgnoredAny>,
    layers: Option<IgnoredAny>,
}

/// Reads a document. CVE-2021-41190: one that can be read as two, or that is not what its descriptor says, is refused.
pub(super) fn read(place: &str, document: &Document) -> Result<Said, Error> {
    let digest = document.descriptor.digest();
    let wrong = |reason: String| Error::form(place, format!("{digest} {reason}"));
    let parse = |e: serde_json::Error| wrong(format!("cannot be read: {e}"));
    let shape: Shape = serde_json::from_slice(&document.bytes).map_err(parse)?;
    let kind = match (shape.manifests.is_some(), shape.layers.is_some()) {
        (true, false) => Kind::Index,
        (false, true) => Kind::Manifest,
        (true, true) => {
            return Err(wrong("lists both manifests and layers: refused as ambiguous".to_string()));
        }
        (false, false) => return Err(wrong("is neither a manifest nor an index".to_string())),
    };
    let named = document.descriptor.media_type().to_string();
    for said in [Some(named.as_str()), shape.media_type.as_deref()].into_iter().flatten() {
        if Kind::of(said).is_some_and(|said| said != kind) {
            return Err(wrong(format!("is not what its type {said:?} says")));
        }
    }
    Ok(match kind {
        Kind::Index => Said::Index(Box::new(serde_json::from_slice(&document.bytes).map_err(parse)?)),
        Kind::Manifest => Said::Manifest(Box::new(serde_json::from_slice(&document.bytes).map_err(parse)?)),
    })
}

/// A document whose type nobody told: its own word, else its shape. None: it is no manifest and no index.
pub(super) fn of_bytes(bytes: Vec<u8>) -> Option<Document> {
    let shape: Shape = serde_json::from_slice(&bytes).ok()?;
    let is_index = match (shape.manifests.is_some(), shape.layers.is_some()) {
        (true, false) => true,
        (false, true) => false,
        _ => return None,
    };
    let media_type = shape.media_type.unwrap_or_else(|| ACCEPTED[usize::from(!is_index)].to_string());
    Some(Document::new(MediaType::from(media_type.as_str()), bytes))
}

/// `bytes` as what `descriptor` names; size and digest are held.
pub(super) fn verified(place: &str, descriptor: &Descriptor, bytes: Vec<u8>) -> Result<Document, Error> {
    let digest = descriptor_digest(descriptor)?;
    let damaged = |reason| Error::Damaged { place: place.to_string(), digest, reason };
    if bytes.len() as u64 != descriptor.size() {
        return Err(damaged(format!("it has {} bytes where {} belong", bytes.len(), descriptor.size())));
    }
    match Digest::of(&bytes) {
        actual if actual == digest => Ok(Document { descriptor: descriptor.clone(), bytes }),
        actual => Err(damaged(format!("its bytes are those of {actual}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_as_two_or_is_not_what_it_is_called_is_refused() {
        let both = br#"{"manifests":[],"layers":[],"config":{}}"#;
        assert!(of_bytes(both.to_vec()).is_none());
        let index = br#"{"schemaVersion":2,"manifests":[]}"#.to_vec();
        let document = Document::new(MediaType::ImageManifest, index.clone());
        assert!(read("x", &document).expect_err("an index").to_string().contains("not what its type"));
        let document = of_bytes(index).expect("an index");
        assert_eq!(*document.descriptor.media_type(), MediaType::ImageIndex);
        assert!(matches!(read("x", &document), Ok(Said::Index(_))));
        let liar = br#"{"mediaType":"application/vnd.oci.image.manifest.v1+json","manifests":[]}"#.to_vec();
        assert!(read("x", &of_bytes(liar).expect("an index")).is_err());
    }

    #[test]
    fn bytes_are_held_against_size_and_digest() {
        let document = Document::new(MediaType::ImageManifest, b"{}".to_vec());
        assert!(verified("x", &document.descriptor, b"{}".to_vec()).is_ok());
        for wrong in [&b"[]"[..], b"{} "] {
            assert!(matches!(
                verified("x", &document.descriptor, wrong.to_vec()),
                Err(Error::Damaged { .. })
            ));
        }
    }
}
