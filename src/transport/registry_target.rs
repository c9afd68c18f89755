//! An image into a repository: blobs beside each other, manifests after them, the tag last.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::error::Error;
use super::mover::Mover;
use super::origin::Origin;
use super::spool::spool;
use super::target::Target;
use super::whole::{Blob, Whole};
use crate::image::Document;
use crate::oci::{Digest, Reference, descriptor_digest};
use crate::registry::{self, Body, Outgoing, Pushed};

/// A repository, and the tag in it.
pub(super) struct RegistryTarget<'a> {
    to: Reference,
    by: &'a Mover<'a>,
    /// What was sent, and where it came from: a registry may lose blobs that it had.
    from: &'a dyn Origin,
    blobs: Vec<Blob>,
}

/// LIMIT: how often a registry may miss blobs that it was given.
const ROUNDS: usize = 3;

impl<'a> RegistryTarget<'a> {
    /// A push to `to`, out of `from`.
    pub fn new(to: Reference, from: &'a dyn Origin, by: &'a Mover<'a>) -> RegistryTarget<'a> {
        RegistryTarget { to, by, from, blobs: Vec::new() }
    }

    fn send(&self, blob: &Blob, again: bool) -> Result<(), Error> {
        let Mover { store, client, canceled, .. } = self.by;
        let place = format!("{}/", self.to.registry);
        let known = store.blob_origins(&blob.digest)?;
        let mut from: Vec<String> =
            known.iter().filter_map(|known| known.strip_prefix(&place)).map(str::to_string).collect();
        if let Some(repository) = self.from.repository().filter(|from| from.registry == self.to.registry) {
            from.insert(0, repository.repository.clone());
        }
        let scratch = store.temp_dir()?;
        // What went wrong on this side is told as it is, not as what the client makes of it.
        let failed = std::sync::Mutex::new(None);
        let open = || match spool(blob, self.from, scratch.path(), self.by) {
            Ok(file) => Ok(Body::file(file)),
            Err(error) => {
                *failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(error);
                Err(io::Error::other("it cannot be read"))
            }
        };
        let sent = Arc::new(AtomicU64::new(0));
        let (digest, size) = (blob.digest, blob.descriptor.size());
        let outgoing = Outgoing { digest, size, from, open: &open, sent: &sent, again };
        let done = client.push_blob(&self.to, &outgoing, *canceled);
        if let Some(error) = failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
            return Err(error);
        }
        let done = done?;
        if let Some(diff_id) = blob.diff_id {
            store.note_blob_origin(&digest, diff_id, &self.to.name())?;
        }
        if done == Pushed::Mounted {
            self.by.say(format!("{digest} mounted from another repository"));
        }
        Ok(())
    }

    fn publish(&self, to: &Reference, document: &Document) -> Result<(), Error> {
        let media_type = document.descriptor.media_type().to_string();
        let mut round = 1;
        loop {
            match self.by.client.push_manifest(to, &media_type, &document.bytes) {
                Ok(_) => return Ok(()),
                // COMPAT: registries that answer from a cache say that they have what was collected since.
                Err(registry::Error::Incomplete { missing, .. }) if round < ROUNDS => {
                    round += 1;
                    let lost: Vec<&Blob> =
                        self.blobs.iter().filter(|blob| missing.contains(&blob.digest)).collect();
                    self.by.in_parallel(&lost, |blob| self.send(blob, true))?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Target for RegistryTarget<'_> {
    fn blobs(&mut self, blobs: &[Blob], _: &dyn Origin, by: &Mover<'_>) -> Result<(), Error> {
        by.in_parallel(blobs, |blob| self.send(blob, false))?;
        self.blobs.extend_from_slice(blobs);
        Ok(())
    }

    fn document(&mut self, document: &Document) -> Result<(), Error> {
        let digest: Digest = descriptor_digest(&document.descriptor)?;
        let by_digest = Reference { tag: None, digest: Some(digest), ..self.to.clone() };
        self.publish(&Reference { digest: None, ..by_digest }, document)
    }

    fn finish(self: Box<Self>, images: &[Whole], _: &Mover<'_>) -> Result<(), Error> {
        for image in images {
            let actual = descriptor_digest(&image.root.descriptor)?;
            if let Some(digest) = self.to.digest.filter(|digest| *digest != actual) {
                let reason = format!("the image has the digest {actual}, not {digest}");
                return Err(Error::Place { text: self.to.familiar(), reason });
            }
            if self.to.tag.is_some() {
                self.publish(&Reference { digest: None, ..self.to.clone() }, &image.root)?;
            }
        }
        Ok(())
    }
}
