//! What names in the store stand for: images, and indexes of images.

use super::error::Error;
use super::images::{Found, LARGEST_DOCUMENT};
use crate::oci::read_index;
use crate::oci::{
    Descriptor, Digest, ImageIndex, ImageManifest, MediaType, Platform, Reference, descriptor_digest,
    descriptor_platform, is_attestation,
};
use crate::registry::select;
use crate::store::{Name, Store, Target};

/// An image, or an index with those of its images that are here.
#[derive(Clone, Debug)]
pub struct KeptImages {
    /// Its names, sorted; none if it was asked for by digest.
    pub names: Vec<(Reference, Name)>,
    /// The manifest or index.
    pub top: Target,
    /// The index, if it is one.
    pub index: Option<ImageIndex>,
    /// The images that the store has, in the order of the index.
    pub images: Vec<Found>,
}

impl KeptImages {
    /// What the index lists and the store lacks: platforms of images.
    pub fn missing(&self) -> Vec<String> {
        let listed = self.listed().filter(|listed| !is_attestation(listed) && !self.has(listed));
        let name = |listed: &Descriptor| {
            descriptor_platform(listed).map_or("an unnamed platform".into(), |p| p.to_string())
        };
        listed.map(name).collect()
    }

    /// Whether the index lists only what is here.
    pub fn is_whole(&self) -> bool {
        self.listed().all(|listed| self.has(listed))
    }

    /// Bytes of all layers, those that several images share once.
    pub fn size(&self) -> u64 {
        let mut seen = std::collections::BTreeSet::new();
        let layers = self.images.iter().flat_map(|image| image.manifest.layers());
        layers.filter(|layer| seen.insert(layer.digest().to_string())).map(|layer| layer.size()).sum()
    }

    /// The image for `platform`; without one that for this machine, else the first.
    pub fn pick(&self, text: &str, wanted: Option<&Platform>) -> Result<&Found, Error> {
        let host = Platform::host();
        let Some(index) = &self.index else {
            let only = self.images.first().ok_or_else(|| Error::NoImage(text.to_string()))?;
            return match wanted.filter(|wanted| !wanted.accepts(&only.platform)) {
                None => Ok(only),
                Some(wanted) => {
                    Err(Error::Usage(format!("{text} is for {}, not for {wanted}", only.platform)))
                }
            };
        };
        let here = |chosen: &Descriptor| {
            let digest = descriptor_digest(chosen).ok()?;
            self.images.iter().find(|image| image.digest == digest)
        };
        match (select(text, index, wanted.unwrap_or(&host)), wanted) {
            (Ok(chosen), Some(wanted)) => here(&chosen).ok_or_else(|| {
                Error::Usage(format!(
                    "{text}: its image for {wanted} is not in the store: rbuild pull --platform {wanted} {text}"
                ))
            }),
            (Err(error), Some(_)) => Err(error.into()),
            (chosen, None) => {
                let chosen = chosen.ok().and_then(|chosen| here(&chosen));
                chosen.or(self.images.first()).ok_or_else(|| Error::NoImage(text.to_string()))
            }
        }
    }

    fn listed(&self) -> impl Iterator<Item = &Descriptor> {
        self.index.iter().flat_map(|index| index.manifests())
    }

    fn has(&self, listed: &Descriptor) -> bool {
        self.images.iter().any(|image| image.digest.to_string() == listed.digest().to_string())
    }

    fn named(mut self, names: Vec<(Reference, Name)>) -> KeptImages {
        self.images.iter_mut().for_each(|image| image.names.clone_from(&names));
        self.names = names;
        self
    }

    /// One of the images, by itself.
    fn only(&self, store: &Store, image: &Found) -> Result<Option<KeptImages>, Error> {
        Ok(load(store, &image.digest)?.map(|alone| alone.named(self.names.clone())))
    }
}

/// The image that `text` means: a name, `name@digest`, a manifest's digest, or an id or the first digits of one.
pub fn find(store: &Store, text: &str, platform: Option<&Platform>) -> Result<Found, Error> {
    kept(store, text)?.pick(text, platform).cloned()
}

/// What `text` means: an image, or an index with all of its images.
pub fn kept(store: &Store, text: &str) -> Result<KeptImages, Error> {
    let missing = || Error::NoImage(text.to_string());
    if let Ok(reference) = text.parse::<Reference>() {
        let bare = Reference { digest: None, ..reference.clone() };
        let named = store.name(&bare)?;
        let digest = reference.digest.or(named.as_ref().map(|name| name.manifest.digest));
        if let Some(digest) = digest
            && let Some(found) = load(store, &digest)?
        {
            return Ok(found.named(named.map(|name| (bare, name)).into_iter().collect()));
        }
    }
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    let is_hex = digits.len() >= 4 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_hex {
        return Err(missing());
    }
    // By what the digits are the beginning of: the same image may be here in several forms.
    let mut matches: Vec<(Digest, KeptImages)> = Vec::new();
    let mut add = |known: Digest, kept: KeptImages| {
        if matches.iter().all(|(other, _)| *other != known) {
            matches.push((known, kept));
        }
    };
    let begins = |digest: &Digest| digest.hex().starts_with(digits);
    for kept in images(store)? {
        if kept.index.is_some() && begins(&kept.top.digest) {
            add(kept.top.digest, kept);
            continue;
        }
        for image in kept.images.iter().filter(|image| begins(&image.id) || begins(&image.digest)) {
            if let Some(alone) = kept.only(store, image)? {
                add(image.id, alone);
            }
        }
    }
    if matches.is_empty() {
        if let Ok(digest) = text.parse::<Digest>()
            && let Some(kept) = load(store, &digest)?
        {
            return Ok(kept);
        }
        for (known, kept) in nameless(store, &begins)? {
            if matches.iter().all(|(other, _)| *other != known) {
                matches.push((known, kept));
            }
        }
    }
    match matches.len() {
        0 => Err(missing()),
        1 => Ok(matches.remove(0).1),
        count => {
            Err(Error::Usage(format!("{text:?} is the beginning of {count} image ids: give more digits")))
        }
    }
}

/// Images and indexes whether they have a name or not, by what `begins` knows: looked for in all documents that are here.
fn nameless(store: &Store, begins: &dyn Fn(&Digest) -> bool) -> Result<Vec<(Digest, KeptImages)>, Error> {
    let mut found = Vec::new();
    for digest in store.json_blobs(LARGEST_DOCUMENT)? {
        // What is no image, or not here whole, cannot be meant.
        let Ok(Some(kept)) = load(store, &digest) else { continue };
        let known = match (&kept.index, &kept.images[..]) {
            (None, [only]) => only.id,
            _ => digest,
        };
        if begins(&digest) || begins(&known) {
            found.push((known, kept));
        }
    }
    Ok(found)
}

/// All images and indexes that have a name, one for each, the newest first.
pub fn images(store: &Store) -> Result<Vec<KeptImages>, Error> {
    let mut found: Vec<KeptImages> = Vec::new();
    for (reference, name) in store.names()? {
        let digest = name.manifest.digest;
        if let Some(kept) = found.iter_mut().find(|kept| kept.top.digest == digest) {
            kept.names.push((reference, name));
        } else if let Some(kept) = load(store, &digest)? {
            found.push(KeptImages { names: vec![(reference, name)], ..kept });
        }
    }
    let newest = |kept: &KeptImages| kept.names.iter().map(|(_, name)| name.time).max();
    found.sort_by_key(|kept| std::cmp::Reverse(newest(kept)));
    Ok(found)
}

/// What a digest stands for; none if it is not here, or none of an index's images is.
fn load(store: &Store, digest: &Digest) -> Result<Option<KeptImages>, Error> {
    let Some(bytes) = store.read_blob(digest, LARGEST_DOCUMENT)? else { return Ok(None) };
    let target = |media_type: MediaType| Target { media_type, digest: *digest, size: bytes.len() as u64 };
    let names = Vec::new();
    if let Ok(index) = read_index(&bytes) {
        let listed = index.manifests().iter().filter(|listed| !is_attestation(listed));
        let images = listed.filter_map(|listed| Found::listed(store, listed).transpose());
        let images: Vec<Found> = images.collect::<Result<_, _>>()?;
        let top = target(index.media_type().clone().unwrap_or(MediaType::ImageIndex));
        return Ok((!images.is_empty()).then_some(KeptImages { names, top, index: Some(index), images }));
    }
    let Some(found) = Found::of_manifest(store, *digest, &bytes)? else { return Ok(None) };
    let top = target(media_type(&found.manifest));
    Ok(Some(KeptImages { names, top, index: None, images: vec![found] }))
}

/// What a manifest says it is. SPEC: image-spec manifest.md; the member may be missing.
pub(super) fn media_type(manifest: &ImageManifest) -> MediaType {
    manifest.media_type().clone().unwrap_or(MediaType::ImageManifest)
}
