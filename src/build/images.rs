//! Images in the store: by name, by digest, by id.

use super::error::Error;
use crate::oci::{
    Digest, ImageConfig, ImageIndex, ImageManifest, MediaType, Platform, Reference, descriptor_digest,
};
use crate::registry::select;
use crate::store::{Layer, Name, Origin, Store, Target};

/// LIMIT: as for documents of registries.
pub(super) const LARGEST_DOCUMENT: u64 = 8 << 20;

/// An image in the store.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its names, sorted; none if it was asked for by digest.
    pub names: Vec<(Reference, Name)>,
    /// The manifest's digest.
    pub digest: Digest,
    /// The manifest.
    pub manifest: ImageManifest,
    /// The image id.
    pub id: Digest,
    /// The config.
    pub config: ImageConfig,
}

impl Found {
    /// Bytes of its layers' blobs, as the manifest has them.
    pub fn size(&self) -> u64 {
        self.manifest.layers().iter().map(|layer| layer.size()).sum()
    }

    /// Its layers, those that the store has.
    pub fn layers(&self, store: &Store) -> Result<Vec<Option<std::sync::Arc<Layer>>>, Error> {
        let diff_ids = &self.config.rootfs.diff_ids;
        Ok(diff_ids.iter().map(|diff_id| store.layer(*diff_id)).collect::<Result<_, _>>()?)
    }
}

/// The image that `text` means: a name, `name@digest`, a manifest's digest, or an id or the first digits of one.
pub fn find(store: &Store, text: &str, platform: &Platform) -> Result<Found, Error> {
    let missing = || Error::NoImage(text.to_string());
    if let Ok(reference) = text.parse::<Reference>() {
        let bare = Reference { digest: None, ..reference.clone() };
        let named = store.name(&bare)?;
        let digest = reference.digest.or(named.as_ref().map(|name| name.manifest.digest));
        if let Some(digest) = digest
            && let Some(found) = load(store, &digest, platform)?
        {
            return Ok(Found { names: named.map(|name| (bare, name)).into_iter().collect(), ..found });
        }
    }
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    let is_hex = digits.len() >= 4 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_hex {
        return Err(missing());
    }
    let mut matches: Vec<Found> = images(store, platform)?;
    matches.retain(|image| image.id.hex().starts_with(digits) || image.digest.hex().starts_with(digits));
    if matches.is_empty() {
        if let Ok(digest) = text.parse::<Digest>()
            && let Some(image) = load(store, &digest, platform)?
        {
            return Ok(image);
        }
        matches = nameless(store, digits, platform)?;
    }
    matches.sort_by_key(|image| image.id);
    matches.dedup_by_key(|image| image.id);
    match matches.len() {
        0 => Err(missing()),
        1 => Ok(matches.remove(0)),
        count => {
            Err(Error::Usage(format!("{text:?} is the beginning of {count} image ids: give more digits")))
        }
    }
}

/// What a name, a digest or an id stands for, before a platform is chosen.
#[derive(Clone, Debug)]
pub struct Root {
    /// The manifest or index.
    pub target: Target,
    /// Its name, if it was asked for by name.
    pub name: Option<Reference>,
    /// How it came here, if it has a name.
    pub origin: Option<Origin>,
}

/// What `text` stands for in the store; nothing if it has nothing of the kind.
pub fn root_of(store: &Store, text: &str) -> Result<Option<Root>, Error> {
    if let Ok(reference) = text.parse::<Reference>() {
        let bare = Reference { digest: None, ..reference.clone() };
        if let Some(name) = store.name(&bare)?
            && reference.digest.is_none_or(|digest| digest == name.manifest.digest)
        {
            return Ok(Some(Root { target: name.manifest, name: Some(bare), origin: Some(name.origin) }));
        }
        // An index that is asked for by its digest is meant whole.
        if let Some(digest) = reference.digest
            && let Some(target) = document(store, &digest)?
        {
            return Ok(Some(Root { target, name: None, origin: None }));
        }
    }
    if let Ok(digest) = text.parse::<Digest>()
        && let Some(target) = document(store, &digest)?
    {
        return Ok(Some(Root { target, name: None, origin: None }));
    }
    match find(store, text, &Platform::host()) {
        Ok(found) => {
            let origin = found.names.first().map(|(_, name)| name.origin);
            Ok(document(store, &found.digest)?.map(|target| Root { target, name: None, origin }))
        }
        Err(Error::NoImage(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

#[derive(serde::Deserialize)]
struct Shape {
    #[serde(rename = "mediaType")]
    media_type: Option<MediaType>,
    manifests: Option<serde::de::IgnoredAny>,
    layers: Option<serde::de::IgnoredAny>,
}

/// A manifest or index of the store; nothing if the blob is none, or not here.
fn document(store: &Store, digest: &Digest) -> Result<Option<Target>, Error> {
    if store.blob_size(digest)?.is_none_or(|size| size > LARGEST_DOCUMENT) {
        return Ok(None);
    }
    let Some(bytes) = store.read_blob(digest, LARGEST_DOCUMENT)? else { return Ok(None) };
    let Ok(shape) = serde_json::from_slice::<Shape>(&bytes) else { return Ok(None) };
    let usual = match (shape.manifests.is_some(), shape.layers.is_some()) {
        (true, false) => MediaType::ImageIndex,
        (false, true) => MediaType::ImageManifest,
        _ => return Ok(None),
    };
    let media_type = shape.media_type.unwrap_or(usual);
    Ok(Some(Target { media_type, digest: *digest, size: bytes.len() as u64 }))
}

/// Images whose id or digest begins with `digits`, whether they have a name or not.
fn nameless(store: &Store, digits: &str, platform: &Platform) -> Result<Vec<Found>, Error> {
    let mut found: Vec<Found> = Vec::new();
    for digest in store.json_blobs(LARGEST_DOCUMENT)? {
        if let Ok(Some(image)) = load(store, &digest, platform)
            && image.digest == digest
            && (image.id.hex().starts_with(digits) || digest.hex().starts_with(digits))
        {
            found.push(image);
        }
    }
    Ok(found)
}

/// All images that have a name, one for each image, the newest first.
pub fn images(store: &Store, platform: &Platform) -> Result<Vec<Found>, Error> {
    let mut found: Vec<Found> = Vec::new();
    for (reference, name) in store.names()? {
        let digest = name.manifest.digest;
        if let Some(image) = found.iter_mut().find(|image| image.digest == digest) {
            image.names.push((reference, name));
        } else if let Some(image) = load(store, &digest, platform)? {
            found.push(Found { names: vec![(reference, name)], ..image });
        }
    }
    let newest = |image: &Found| image.names.iter().map(|(_, name)| name.time).max();
    found.sort_by_key(|image| std::cmp::Reverse(newest(image)));
    Ok(found)
}

fn load(store: &Store, digest: &Digest, platform: &Platform) -> Result<Option<Found>, Error> {
    let Some(bytes) = store.read_blob(digest, LARGEST_DOCUMENT)? else { return Ok(None) };
    if let Ok(index) = serde_json::from_slice::<ImageIndex>(&bytes) {
        let chosen = descriptor_digest(&select(&digest.to_string(), &index, platform)?)?;
        return if chosen == *digest { Ok(None) } else { load(store, &chosen, platform) };
    }
    let Ok(manifest) = serde_json::from_slice::<ImageManifest>(&bytes) else { return Ok(None) };
    let id = descriptor_digest(manifest.config())?;
    let Some(config) = store.read_blob(&id, LARGEST_DOCUMENT)? else { return Ok(None) };
    let Ok(config) = serde_json::from_slice::<ImageConfig>(&config) else { return Ok(None) };
    Ok(Some(Found { names: Vec::new(), digest: *digest, manifest, id, config }))
}
