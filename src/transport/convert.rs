//! An image of Docker's media types in the words of OCI: what many tools that read layouts ask for.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::document::{Said, read};
use super::error::Error;
use super::whole::Whole;
use crate::image::{Document, Family};
use crate::oci::{Descriptor, DiffId, Digest, canonical, descriptor_digest};

/// Whether any document of the image has one of Docker's types.
pub(super) fn is_docker(whole: &Whole) -> bool {
    whole.documents.iter().any(|document| document.descriptor.media_type().as_ref().contains("vnd.docker."))
}

/// The same image with OCI's media types. The bytes of configs and layers stay; the manifests are others, and so are their
/// digests.
pub(super) fn to_oci(whole: &Whole, place: &str) -> Result<Whole, Error> {
    let mut new: BTreeMap<Digest, Document> = BTreeMap::new();
    let mut converted = whole.clone();
    // ORDER: each document comes after those that it names.
    for document in &mut converted.documents {
        let old = descriptor_digest(&document.descriptor)?;
        *document = match read(place, document)? {
            Said::Manifest(_) => manifest(document, place)?,
            Said::Index(_) => index(document, &new, place)?,
        };
        new.insert(old, document.clone());
    }
    let of = |document: &Document| -> Result<Document, Error> {
        Ok(new[&descriptor_digest(&document.descriptor)?].clone())
    };
    converted.root = of(&converted.root)?;
    for part in &mut converted.parts {
        part.document = of(&part.document)?;
        part.manifest = match read(place, &part.document)? {
            Said::Manifest(manifest) => *manifest,
            Said::Index(_) => unreachable!("a manifest stays one"),
        };
    }
    Ok(converted)
}

fn manifest(document: &Document, place: &str) -> Result<Document, Error> {
    let mut value = object(document, place)?;
    let wrong = |e: String| Error::form(place, e);
    value.insert("mediaType".to_string(), Family::Oci.manifest().to_string().into());
    if let Some(config) = value.get_mut("config").and_then(Value::as_object_mut)
        && config.get("mediaType").and_then(Value::as_str) == Some(Family::Docker.config().as_ref())
    {
        config.insert("mediaType".to_string(), Family::Oci.config().to_string().into());
    }
    for layer in value.get_mut("layers").and_then(Value::as_array_mut).into_iter().flatten() {
        let old: Descriptor = serde_json::from_value(layer.clone()).map_err(|e| wrong(e.to_string()))?;
        // What is no layer of an image, such as an attestation, is called the same in both.
        if let Ok(new) = Family::Oci.layer(&old, DiffId(descriptor_digest(&old)?)) {
            layer["mediaType"] = new.media_type().to_string().into();
        }
    }
    let mut made = Document::new(Family::Oci.manifest(), canonical(&value));
    made.descriptor.set_platform(document.descriptor.platform().clone());
    Ok(made)
}

fn index(document: &Document, new: &BTreeMap<Digest, Document>, place: &str) -> Result<Document, Error> {
    let mut value = object(document, place)?;
    value.insert("mediaType".to_string(), Family::Oci.index().to_string().into());
    for child in value.get_mut("manifests").and_then(Value::as_array_mut).into_iter().flatten() {
        let digest = child.get("digest").and_then(Value::as_str).and_then(|digest| digest.parse().ok());
        // One that does not go along keeps its name.
        if let Some(made) = digest.and_then(|digest: Digest| new.get(&digest)) {
            child["mediaType"] = made.descriptor.media_type().to_string().into();
            child["digest"] = made.descriptor.digest().to_string().into();
            child["size"] = made.descriptor.size().into();
        }
    }
    Ok(Document::new(Family::Oci.index(), canonical(&value)))
}

fn object(document: &Document, place: &str) -> Result<Map<String, Value>, Error> {
    serde_json::from_slice(&document.bytes).map_err(|e| Error::form(place, e.to_string()))
}
