//! Images into the store: layers are unpacked once, so that digest and diff ID of each are known to be right.

use std::io::Write;

use super::error::Error;
use super::mover::Mover;
use super::origin::{Blob, Origin};
use super::spool::{ATTEMPTS, is_corrupt};
use super::target::Target;
use super::whole::Whole;
use crate::image::Document;
use crate::layer::NoFiles;
use crate::oci::descriptor_digest;
use crate::store::{self, Kept, Name, Origin as NameOrigin, RemoteLayer, Store, Target as Named};

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
        let (digest, sent) = (blob.digest, blob.descriptor.clone());
        let remote = RemoteLayer { diff_id, blob: sent, kept: Kept::AsItComes, places: Vec::new() };
        let wrong = |reason: String| Error::DiffId { place: from.place(), blob: digest, diff_id, reason };
        let taken = if self.store.blob_size(&digest)? != Some(blob.descriptor.size()) {
            self.sent(blob, from, by, &|| self.store.incoming(&remote, NoFiles))?.finish().map(drop)
        } else if self.store.layer(diff_id)?.is_none() {
            self.store.import_layer(&digest, Some(diff_id)).map(drop)
        } else {
            Ok(())
        };
        match taken {
            Err(store::Error::WrongDiffId { actual, .. }) => {
                return Err(wrong(format!("it unpacks to {actual}")));
            }
            Err(store::Error::Layer { source, .. }) => return Err(wrong(source.to_string())),
            taken => taken?,
        }
        if let Some(repository) = from.repository() {
            self.store.note_blob_origin(&digest, diff_id, &repository.name())?;
        }
        Ok(())
    }

    fn bytes(&self, blob: &Blob, from: &dyn Origin, by: &Mover<'_>) -> Result<(), Error> {
        if !self.store.verify_blob(&blob.digest)? {
            let out = self.sent(blob, from, by, &|| self.store.blob_writer())?;
            out.commit(Some((blob.digest, blob.descriptor.size())))?;
        }
        Ok(())
    }

    /// Sends a blob into what `open` makes; once more if it did not come as it should.
    fn sent<W: Write>(
        &self,
        blob: &Blob,
        from: &dyn Origin,
        by: &Mover<'_>,
        open: &dyn Fn() -> Result<W, store::Error>,
    ) -> Result<W, Error> {
        let told = by.told(blob.digest, blob.descriptor.size());
        let mut attempt = 1;
        loop {
            let mut out = open()?;
            match from.blob(blob, &mut out, &told) {
                Err(error) if is_corrupt(&error) && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
                Ok(()) => return Ok(out),
            }
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
