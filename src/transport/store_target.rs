//! Images into the store: layers are unpacked once, so that digest and diff ID of each are known to be right.

use super::error::Error;
use super::mover::Mover;
use super::origin::Origin;
use super::spool::{ATTEMPTS, is_corrupt};
use super::target::Target;
use super::whole::{Blob, Whole};
use crate::image::Document;
use crate::oci::{DiffId, descriptor_digest};
use crate::store::{self, Name, Origin as NameOrigin, Store, Target as Named};

/// The store.
pub(super) struct StoreTarget<'a> {
    pub store: &'a Store,
    /// How the images come here.
    pub origin: NameOrigin,
    /// Seconds since 1970.
    pub now: i64,
}

impl StoreTarget<'_> {
    fn blob(&self, blob: &Blob, from: &dyn Origin, by: &Mover<'_>) -> Result<(), Error> {
        let Some(diff_id) = blob.diff_id else { return self.bytes(blob, from, by) };
        // Two that lack the same layer fetch it once.
        let Some(_flight) = self.store.flight(&diff_id.0, by.canceled)? else {
            return Err(Error::Interrupted);
        };
        let is_here = self.store.blob_size(&blob.digest)? == Some(blob.descriptor.size());
        if !is_here || self.store.layer(diff_id)?.is_none() {
            self.bytes(blob, from, by)?;
            self.import(blob, diff_id, from)?;
        }
        if let Some(repository) = from.repository() {
            self.store.note_blob_origin(&blob.digest, diff_id, &repository.name())?;
        }
        Ok(())
    }

    fn bytes(&self, blob: &Blob, from: &dyn Origin, by: &Mover<'_>) -> Result<(), Error> {
        if self.store.verify_blob(&blob.digest)? {
            return Ok(());
        }
        let told = by.told(blob.digest, blob.descriptor.size());
        let mut attempt = 1;
        loop {
            let mut out = self.store.blob_writer()?;
            match from.blob(&blob.descriptor, &mut out, &told) {
                Err(error) if is_corrupt(&error) && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
                Ok(()) => {
                    out.commit(Some((blob.digest, blob.descriptor.size())))?;
                    return Ok(());
                }
            }
        }
    }

    fn import(&self, blob: &Blob, diff_id: DiffId, from: &dyn Origin) -> Result<(), Error> {
        let wrong =
            |reason: String| Error::DiffId { place: from.place(), blob: blob.digest, diff_id, reason };
        match self.store.import_layer(&blob.digest, Some(diff_id)) {
            Ok(_) => Ok(()),
            Err(store::Error::WrongDiffId { actual, .. }) => Err(wrong(format!("it unpacks to {actual}"))),
            Err(store::Error::Layer { source, .. }) => Err(wrong(source.to_string())),
            Err(error) => Err(error.into()),
        }
    }
}

impl Target for StoreTarget<'_> {
    fn blobs(&mut self, blobs: &[Blob], from: &dyn Origin, by: &Mover<'_>) -> Result<(), Error> {
        by.in_parallel(blobs, |blob| self.blob(blob, from, by)).map(drop)
    }

    fn document(&mut self, document: &Document) -> Result<(), Error> {
        self.store.put_blob(&document.bytes)?;
        Ok(())
    }

    fn finish(self: Box<Self>, images: &[Whole], _: &Mover<'_>) -> Result<(), Error> {
        for image in images {
            let descriptor = &image.root.descriptor;
            let (media_type, size) = (descriptor.media_type().clone(), descriptor.size());
            let manifest = Named { media_type, digest: descriptor_digest(descriptor)?, size };
            for name in &image.names {
                let known = self.store.name(name)?;
                // What changes nothing writes nothing.
                if known.is_none_or(|known| known.manifest != manifest || known.origin != self.origin) {
                    let (manifest, origin, time) = (manifest.clone(), self.origin, self.now);
                    self.store.set_name(name, &Name { manifest, origin, time })?;
                }
            }
        }
        Ok(self.store.sync()?)
    }
}
