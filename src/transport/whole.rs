//! All that an image is: its documents and its blobs, found from its root down.

use std::collections::BTreeSet;

use super::document::{LARGEST_DOCUMENT, Said, read};
use super::error::Error;
use super::origin::{Blob, Origin};
use crate::image::Document;
use crate::oci::{
    Descriptor, DiffId, Digest, ImageConfig, ImageManifest, Platform, Reference, descriptor_digest,
    is_attestation,
};
use crate::registry::select;

/// Which images of an index go along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// All, the index with them.
    All,
    /// The one for a platform, without the index.
    One(Platform),
    /// The index with those of its images that are there whole. COMPAT: an index out of docker's own store may name
    /// others.
    Present,
}

/// One image manifest of an image.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub document: Document,
    pub manifest: ImageManifest,
    /// Of an image; an artifact has another kind of config, or none.
    pub platform: Option<Platform>,
}

/// An image with all that it needs.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    /// The manifest or index that its names stand for.
    pub root: Document,
    /// What it is to be called.
    pub names: Vec<Reference>,
    /// What an image layout is to call it, where that is no reference.
    pub ref_name: Option<String>,
    /// Manifests, in the order of the index.
    pub parts: Vec<Part>,
    /// Every document, each after those that it names.
    pub documents: Vec<Document>,
    /// Configs and layers, each once: per manifest the layers from the lowest up, then the config.
    pub blobs: Vec<Blob>,
}

/// LIMIT: indexes of indexes are rare, loops are not impossible to write.
const DEEPEST: usize = 4;
/// LIMIT: a config of 16 MiB has a history that nobody wrote by hand.
const LARGEST_CONFIG: u64 = 16 << 20;
/// LIMIT: far beyond what anybody makes; each one is a request.
const MOST_PARTS: usize = 1024;

impl Whole {
    /// Finds what `root` needs.
    pub fn of(origin: &dyn Origin, root: Document, choice: &Choice) -> Result<Whole, Error> {
        let place = origin.place();
        let root = match (choice, read(&place, &root)?) {
            (Choice::One(platform), Said::Index(index)) => {
                origin.document(&select(&place, &index, platform)?)?
            }
            _ => root,
        };
        let (names, ref_name) = (Vec::new(), None);
        let (parts, documents, blobs) = (Vec::new(), Vec::new(), Vec::new());
        let mut whole = Whole { root: root.clone(), names, ref_name, parts, documents, blobs };
        let mut search = Search { origin, place, choice, seen: BTreeSet::new() };
        search.document(root, &mut whole, 0)?;
        if *choice == Choice::Present && !whole.parts.iter().any(|part| part.platform.is_some()) {
            return Err(Error::form(search.place, "none of the images that its index names is there whole"));
        }
        Ok(whole)
    }

    /// The image manifest for this machine, else the first.
    pub fn main(&self) -> Option<&Part> {
        let host = Platform::host();
        let images = || self.parts.iter().filter(|part| part.platform.is_some());
        images()
            .find(|part| part.platform.as_ref().is_some_and(|p| host.accepts(p)))
            .or_else(|| images().next())
    }
}

struct Search<'a> {
    origin: &'a dyn Origin,
    place: String,
    choice: &'a Choice,
    seen: BTreeSet<Digest>,
}

impl Search<'_> {
    fn document(&mut self, document: Document, whole: &mut Whole, depth: usize) -> Result<(), Error> {
        if !self.seen.insert(descriptor_digest(&document.descriptor)?) {
            return Ok(());
        }
        match read(&self.place, &document)? {
            Said::Manifest(manifest) => self.manifest(&document, *manifest, whole)?,
            Said::Index(_) if depth == DEEPEST => {
                let reason = format!("indexes lie in indexes more than {DEEPEST} deep");
                return Err(Error::form(&self.place, reason));
            }
            Said::Index(index) => {
                for child in index.manifests() {
                    if *self.choice == Choice::Present && !self.is_present(child)? {
                        continue;
                    }
                    if whole.parts.len() >= MOST_PARTS {
                        let reason = format!("an index of more than {MOST_PARTS} manifests is not followed");
                        return Err(Error::form(&self.place, reason));
                    }
                    self.document(self.origin.document(child)?, whole, depth + 1)?;
                }
            }
        }
        whole.documents.push(document);
        Ok(())
    }

    /// Whether a child of an index is here with all its blobs.
    fn is_present(&self, child: &Descriptor) -> Result<bool, Error> {
        if !self.origin.has(child, None)? {
            return Ok(false);
        }
        let Said::Manifest(manifest) = read(&self.place, &self.origin.document(child)?)? else {
            return Ok(true);
        };
        if !self.origin.has(manifest.config(), None)? {
            return Ok(false);
        }
        let diff_ids =
            self.config(child, &manifest)?.map(|config| config.rootfs.diff_ids).unwrap_or_default();
        for (index, layer) in manifest.layers().iter().enumerate() {
            if !self.origin.has(layer, diff_ids.get(index).copied())? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn manifest(
        &mut self,
        document: &Document,
        manifest: ImageManifest,
        whole: &mut Whole,
    ) -> Result<(), Error> {
        let config = self.config(&document.descriptor, &manifest)?;
        let diff_ids = config.as_ref().map(|config| &config.rootfs.diff_ids);
        if let Some(diff_ids) = diff_ids.filter(|ids| ids.len() != manifest.layers().len()) {
            let (layers, ids) = (manifest.layers().len(), diff_ids.len());
            let digest = document.descriptor.digest();
            let reason = format!("the manifest {digest} has {layers} layers and its config {ids}");
            return Err(Error::form(&self.place, reason));
        }
        for (index, layer) in manifest.layers().iter().enumerate() {
            self.blob(layer, diff_ids.map(|ids| ids[index]), whole)?;
        }
        self.blob(manifest.config(), None, whole)?;
        let platform = config.map(|config| config.platform());
        whole.parts.push(Part { document: document.clone(), manifest, platform });
        Ok(())
    }

    /// The config, if the manifest is that of an image.
    fn config(&self, of: &Descriptor, manifest: &ImageManifest) -> Result<Option<ImageConfig>, Error> {
        const CONFIGS: [&str; 2] =
            ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];
        let descriptor = manifest.config();
        if is_attestation(of) || !CONFIGS.contains(&descriptor.media_type().to_string().as_str()) {
            return Ok(None);
        }
        // COMPAT: BuildKit's attestations have an image's config and layers that are none.
        let is_layer = |layer: &Descriptor| {
            let media_type = layer.media_type().to_string();
            media_type.starts_with("application/vnd.oci.image.layer.")
                || media_type.starts_with("application/vnd.docker.image.rootfs.")
        };
        if !manifest.layers().iter().all(is_layer) {
            return Ok(None);
        }
        if descriptor.size() > LARGEST_CONFIG {
            let reason =
                format!("its config has {} bytes; at most {LARGEST_CONFIG} are read", descriptor.size());
            return Err(Error::form(&self.place, reason));
        }
        let config = self.origin.document(descriptor)?;
        let config = serde_json::from_slice(&config.bytes);
        let wrong =
            |e| Error::form(&self.place, format!("the config {} cannot be read: {e}", descriptor.digest()));
        config.map(Some).map_err(wrong)
    }

    fn blob(
        &mut self,
        descriptor: &Descriptor,
        diff_id: Option<DiffId>,
        whole: &mut Whole,
    ) -> Result<(), Error> {
        let digest = descriptor_digest(descriptor)?;
        if self.seen.insert(digest) {
            whole.blobs.push(Blob { descriptor: descriptor.clone(), digest, diff_id });
        } else if let Some(known) = whole.blobs.iter().find(|blob| blob.digest == digest)
            && known.descriptor.size() != descriptor.size()
        {
            return Err(Error::form(&self.place, format!("{digest} is given two sizes")));
        }
        Ok(())
    }
}

/// Whether a document is small enough to be read at once.
pub(super) fn check_size(place: &str, descriptor: &Descriptor) -> Result<(), Error> {
    // Configs may be larger than manifests.
    let limit = LARGEST_DOCUMENT.max(LARGEST_CONFIG);
    if descriptor.size() <= limit {
        return Ok(());
    }
    let reason = format!("{} has {} bytes; at most {limit} are read", descriptor.digest(), descriptor.size());
    Err(Error::form(place, reason))
}
