//! `rbuild tag` and `rbuild rmi`: names given to images, and taken away.

use super::error::Error;
use super::images::LARGEST_DOCUMENT;
use super::kept::kept;
use crate::oci::{Digest, ImageIndex, Reference};
use crate::store::{Name, Origin, Store};

/// What became of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removed {
    /// A name was taken away.
    Untagged(Reference),
    /// An image that had no name is gone; its layers go with the next collection, if nothing else needs them.
    Deleted(Digest),
}

/// Gives the image `source` (a name, a digest, an id) one more name.
pub fn tag(store: &Store, source: &str, name: &Reference, now: i64) -> Result<(), Error> {
    let _lease = store.lease()?;
    let kept = kept(store, source)?;
    // What nobody called anything is nobody's cache.
    let origin = kept.names.first().map_or(Origin::Built, |(_, known)| known.origin);
    // Not what its name stands for: an id may be that of one image of an index.
    store.set_name(name, &Name { manifest: kept.top, origin, time: now })?;
    Ok(store.sync()?)
}

/// Takes away the name `text`, or the image with that id or digest with all its names: as docker, only if they are in one
/// repository, unless `force` is said. What no name holds goes with the next collection.
pub fn remove(store: &Store, text: &str, force: bool) -> Result<Vec<Removed>, Error> {
    let reference = text.parse::<Reference>().ok();
    if let Some(reference) = &reference {
        if store.remove_name(reference)? {
            return Ok(vec![Removed::Untagged(reference.clone())]);
        }
        if let Some(digest) = reference.digest {
            let same =
                |name: &Reference, of: &Name| name.name() == reference.name() && of.manifest.digest == digest;
            let names = store.names()?.into_iter().filter(|(name, of)| same(name, of)).map(|(name, _)| name);
            let names: Vec<Reference> = names.collect();
            if !names.is_empty() {
                return untag(store, names);
            }
        }
    }
    let kept = kept(store, text)?;
    let root = kept.top.digest;
    let mut names = Vec::new();
    for (name, of) in store.names()? {
        if of.manifest.digest == root {
            names.push(name);
        } else if lists(store, &of.manifest.digest, &root)? {
            let message = format!("{text} is one platform of {}: that name keeps it", name.familiar());
            return Err(Error::Usage(message));
        }
    }
    if names.is_empty() {
        // Configs stay for the collection: the same one may be of an image in another form.
        for digest in kept.images.iter().map(|image| image.digest).chain([root]) {
            if !is_needed(store, &digest)? {
                store.remove_blob(&digest)?;
            }
        }
        let id = if kept.index.is_some() { root } else { kept.images.first().map_or(root, |image| image.id) };
        return Ok(vec![Removed::Deleted(id)]);
    }
    let repositories: std::collections::BTreeSet<String> = names.iter().map(Reference::name).collect();
    if repositories.len() > 1 && !force {
        let names: Vec<String> = names.iter().map(Reference::familiar).collect();
        return Err(Error::Usage(format!(
            "{text} has names in several repositories ({}): name one, or say --force",
            names.join(", ")
        )));
    }
    untag(store, names)
}

fn untag(store: &Store, names: Vec<Reference>) -> Result<Vec<Removed>, Error> {
    names
        .into_iter()
        .map(|name| {
            store.remove_name(&name)?;
            Ok(Removed::Untagged(name))
        })
        .collect()
}

/// Whether a name stands for this manifest, or for an index that lists it.
fn is_needed(store: &Store, manifest: &Digest) -> Result<bool, Error> {
    for (_, of) in store.names()? {
        if of.manifest.digest == *manifest || lists(store, &of.manifest.digest, manifest)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the document `index` is an index that lists `manifest`.
fn lists(store: &Store, index: &Digest, manifest: &Digest) -> Result<bool, Error> {
    let Some(bytes) = store.read_blob(index, LARGEST_DOCUMENT)? else { return Ok(false) };
    let Ok(index) = serde_json::from_slice::<ImageIndex>(&bytes) else { return Ok(false) };
    let manifest = manifest.to_string();
    Ok(index.manifests().iter().any(|listed| listed.digest().to_string() == manifest))
}
