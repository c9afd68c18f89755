//! A cache in a registry.

use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use super::artifact::{Artifact, CONFIG_BYTES, MANIFEST, is_cache, records_of};
use super::document::Document;
use super::error::Error;
use super::inline::of_image;
use super::merge::{adds, merge};
use super::place::{Bytes, Place, Upload};
use super::sets;
use crate::oci::{
    Digest, Digesting, ImageIndex, ImageManifest, MediaType, Platform, Reference, descriptor_digest,
    new_descriptor,
};
use crate::registry::{Body, Client, Error as RegistryError, Kind, Outgoing, Pushed, Resolved, select};

/// LIMIT: a config with the records of one image in it.
const LARGEST_CONFIG: u64 = 16 << 20;
/// LIMIT: how often others may be faster, and blobs may be gone from the registry.
const ROUNDS: usize = 4;

/// A cache under a tag, and the sets of exporters beside it; or the records in an image's config.
pub struct Repository {
    /// For documents: whoever waits for them has better things to do.
    quick: Client,
    /// For blobs.
    client: Client,
    /// The tag.
    reference: Reference,
    /// Of images, those for these platforms are looked at.
    platforms: Vec<Platform>,
    /// The list of records that was read last.
    last: Mutex<Option<(Digest, Document)>>,
}

/// What other exporters have left.
#[derive(Default)]
struct Sets {
    names: Vec<String>,
    documents: Vec<Document>,
}

impl Repository {
    /// The cache under `reference`, which may be an image for one of `platforms`. `quick` fetches documents, for which nobody
    /// waits long, `client` blobs.
    pub fn new(reference: Reference, platforms: Vec<Platform>, quick: Client, client: Client) -> Repository {
        Repository { quick, client, reference, platforms, last: Mutex::default() }
    }

    fn tag(&self) -> Option<&str> {
        self.reference.tag.as_deref().filter(|_| self.reference.digest.is_none())
    }

    /// The document under a tag of this repository; none if there is nothing under it. Images have one if `images`.
    fn document(&self, of: &Reference, images: bool) -> Result<Option<Document>, Error> {
        let resolved = match self.quick.resolve(of) {
            Ok(resolved) => resolved,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let manifest = match resolved.kind {
            Kind::Manifest => Some(manifest(&resolved)?).filter(is_cache),
            Kind::Index => None,
        };
        match (manifest, resolved.kind) {
            (Some(manifest), _) => self.of_cache(of, &manifest).map(Some),
            (None, _) if !images => {
                let reason =
                    "there is an image under that name, which a cache would replace: take another tag";
                Err(Error::NoCache(reason.to_string()))
            }
            (None, Kind::Index) => self.of_index(of, &resolved).map(Some),
            (None, Kind::Manifest) => self.of_image(of, &self::manifest(&resolved)?).map(Some),
        }
    }

    /// The list of records is read again only if it is another.
    fn of_cache(&self, of: &Reference, manifest: &ImageManifest) -> Result<Document, Error> {
        let (records, digest) = records_of(manifest)?;
        let known = || self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(document) = known().as_ref().filter(|(last, _)| *last == digest) {
            return Ok(document.1.clone());
        }
        let document = Document::decode(&self.small(of, &digest, records.size())?)?;
        *known() = Some((digest, document.clone()));
        Ok(document)
    }

    fn of_index(&self, of: &Reference, resolved: &Resolved) -> Result<Document, Error> {
        let index: ImageIndex =
            serde_json::from_slice(&resolved.bytes).map_err(|e| Error::document("index", e))?;
        let mut documents = Vec::new();
        for platform in &self.platforms {
            let Ok(chosen) = select(&of.familiar(), &index, platform) else { continue };
            let manifest = manifest(&self.quick.manifest(of, &chosen)?)?;
            documents.push(self.of_image(of, &manifest)?);
        }
        if documents.is_empty() {
            return Err(Error::NoCache("it is an index without an image for this platform".to_string()));
        }
        Ok(merge(&documents.iter().collect::<Vec<_>>()))
    }

    fn of_image(&self, of: &Reference, manifest: &ImageManifest) -> Result<Document, Error> {
        let config = manifest.config();
        if config.size() > LARGEST_CONFIG {
            return Err(Error::document("config", format!("it has {} bytes", config.size())));
        }
        let digest = descriptor_digest(config).map_err(|e| Error::document("manifest", e))?;
        of_image(&self.small(of, &digest, config.size())?, manifest)
    }

    fn small(&self, of: &Reference, digest: &Digest, size: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let blob = new_descriptor(MediaType::from("application/octet-stream"), *digest, size);
        self.quick.blob(of, &blob, &mut bytes, &|_| (), &|| false)?;
        Ok(bytes)
    }

    /// The documents of sets. One that cannot be read is nobody's loss but its exporter's; one that is listed and not
    /// there yet is left to who comes next.
    fn sets(&self, names: &[String]) -> Result<Sets, Error> {
        let mut found = Sets::default();
        for name in names {
            match self.document(&self.reference.with_tag(name), false) {
                Ok(Some(document)) => found.documents.push(document),
                Ok(None) => continue,
                Err(Error::Document { .. } | Error::NoCache(_)) => {}
                Err(error) => return Err(error),
            }
            found.names.push(name.clone());
        }
        Ok(found)
    }

    /// The names of sets that `main` does not have. A registry that does not list tags has none.
    fn unmerged(&self, tag: &str, main: &Document) -> Result<Vec<String>, Error> {
        match self.quick.tags(&self.reference, &sets::prefix(tag), &sets::before(tag, main)) {
            Ok(tags) => Ok(sets::unmerged(tag, main, &tags)),
            Err(RegistryError::Http(error)) => Err(RegistryError::Http(error).into()),
            Err(_) => Ok(Vec::new()),
        }
    }

    fn put_bytes(&self, bytes: &[u8], canceled: &(dyn Fn() -> bool + Sync)) -> Result<(), Error> {
        let open = || -> io::Result<Bytes> { Ok(Bytes::Memory(bytes.to_vec())) };
        let (digest, size) = (Digest::of(bytes), bytes.len() as u64);
        self.put(&Upload { digest, size, from: Vec::new(), open: &open }, canceled).map(|_| ())
    }

    /// Puts a document under a tag, without layers whose blobs the registry has lost.
    fn put_document(
        &self,
        document: &mut Document,
        tag: impl Fn(&[u8]) -> Result<String, Error>,
        canceled: &(dyn Fn() -> bool + Sync),
    ) -> Result<String, Error> {
        let mut round = 1;
        loop {
            let Artifact { manifest, records } = Artifact::of(document);
            let tag = tag(&records)?;
            self.put_bytes(CONFIG_BYTES, canceled)?;
            self.put_bytes(&records, canceled)?;
            match self.client.push_manifest(&self.reference.with_tag(&tag), MANIFEST, &manifest) {
                Ok(_) => return Ok(tag),
                Err(RegistryError::Incomplete { missing, .. }) if round < ROUNDS => {
                    round += 1;
                    let is_whole = |blob: &Digest| !missing.contains(blob);
                    document.layers.retain(|_, layer| {
                        is_whole(&layer.blob) && layer.list.is_none_or(|(list, _)| is_whole(&list))
                    });
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn manifest(resolved: &Resolved) -> Result<ImageManifest, Error> {
    serde_json::from_slice(&resolved.bytes).map_err(|e| Error::document("manifest", e))
}

/// All that a document and the sets beside it say.
fn merge_onto(sets: &Sets, main: &Document) -> Document {
    let documents: Vec<&Document> = sets.documents.iter().chain([main]).collect();
    Document { generation: main.generation, ..merge(&documents) }
}

impl Place for Repository {
    fn name(&self) -> String {
        self.reference.familiar()
    }

    fn load(&self) -> Result<Document, Error> {
        let main = self.document(&self.reference, true)?;
        let Some(tag) = self.tag() else { return main.ok_or(Error::None) };
        let nothing = Document::default();
        let names = self.unmerged(tag, main.as_ref().unwrap_or(&nothing))?;
        let sets = self.sets(&names)?;
        if main.is_none() && sets.documents.is_empty() {
            return Err(Error::None);
        }
        Ok(merge_onto(&sets, &main.unwrap_or_default()))
    }

    fn current(&self) -> Result<Document, Error> {
        let (main, sets) = self.all()?;
        Ok(merge_onto(&sets, &main))
    }

    fn fetch(
        &self,
        blob: &Digest,
        size: u64,
        out: &mut dyn Digesting,
        progress: &dyn Fn(u64),
        canceled: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        let descriptor = new_descriptor(MediaType::from("application/octet-stream"), *blob, size);
        match self.client.blob(&self.reference, &descriptor, out, progress, canceled) {
            Err(error) if error.is_not_found() => Err(Error::Gone(*blob)),
            done => Ok(done?),
        }
    }

    fn put(&self, upload: &Upload<'_>, canceled: &(dyn Fn() -> bool + Sync)) -> Result<bool, Error> {
        let registry = format!("{}/", self.reference.registry);
        let from = upload.from.iter().filter_map(|place| place.strip_prefix(&registry));
        let open = || {
            Ok(match (upload.open)()? {
                Bytes::Memory(bytes) => Body::bytes(bytes),
                Bytes::File(file) => Body::file(file),
            })
        };
        let outgoing = Outgoing {
            digest: upload.digest,
            size: upload.size,
            from: from.map(str::to_string).collect(),
            open: &open,
            sent: &Arc::new(AtomicU64::new(0)),
            again: false,
        };
        Ok(self.client.push_blob(&self.reference, &outgoing, canceled)? == Pushed::Sent)
    }

    fn publish(&self, new: &Document, canceled: &(dyn Fn() -> bool + Sync)) -> Result<bool, Error> {
        let tag = self.own_tag()?;
        let (mut main, sets) = self.all()?;
        if !adds(new, &merge_onto(&sets, &main)) {
            return Ok(false);
        }
        let mut new = new.clone();
        let mut round = 1;
        let own = loop {
            let generation = main.generation;
            let set = self.put_document(&mut new, |bytes| sets::set_tag(tag, generation, bytes), canceled)?;
            // ORDER: the set, then the look at what is there: whoever merges from here on sees the set.
            main = self.main()?;
            if main.generation <= generation + 1 || round == ROUNDS {
                break set;
            }
            round += 1;
        };
        let mut names = self.unmerged(tag, &main)?;
        names.retain(|name| *name != own);
        let others = self.sets(&names)?;
        let mut documents = vec![&new];
        documents.extend(&others.documents);
        documents.push(&main);
        let mut merged = merge(&documents);
        (merged.generation, merged.merged) = sets::next(tag, &main, others.names.into_iter().chain([own]));
        self.put_document(&mut merged, |_| Ok(tag.to_string()), canceled)?;
        Ok(true)
    }

    fn repository(&self) -> Option<String> {
        Some(self.reference.name())
    }
}

impl Repository {
    /// The tag that is written.
    fn own_tag(&self) -> Result<&str, Error> {
        let no_tag = || Error::NoCache("a cache is written to a tag, not to a digest".to_string());
        self.tag().ok_or_else(no_tag)
    }

    /// The document under the cache's own tag, and the sets that it does not have.
    fn all(&self) -> Result<(Document, Sets), Error> {
        let main = self.main()?;
        let sets = self.sets(&self.unmerged(self.own_tag()?, &main)?)?;
        Ok((main, sets))
    }

    /// The document under the cache's own tag. What is no cache is not written over.
    fn main(&self) -> Result<Document, Error> {
        match self.document(&self.reference, false) {
            // What nobody can read is of no use to anybody: it is written anew.
            Err(Error::Document { .. }) => Ok(Document::default()),
            document => Ok(document?.unwrap_or_default()),
        }
    }
}
