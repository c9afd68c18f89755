//! Images out of the store.

use std::io::Write;

use super::document::{LARGEST_DOCUMENT, verified};
use super::error::Error;
use super::origin::{Blob, Origin, copy_verified};
use super::whole::check_size;
use crate::export::Bring;
use crate::image::Document;
use crate::oci::{Descriptor, DiffId, Digest, descriptor_digest};
use crate::store::Store;

/// The store. A layer that was never needed here is fetched from where it was noted to be.
pub(super) struct StoreOrigin<'a> {
    pub store: &'a Store,
    pub bring: &'a Bring<'a>,
}

impl StoreOrigin<'_> {
    /// Sees to it that the blob of a layer is here.
    pub fn here(&self, blob: &Blob) -> Result<(), Error> {
        match blob.diff_id {
            Some(layer) if self.store.blob_or_tar_size(&blob.digest)?.is_none() => {
                match self.store.remote_layer(layer)? {
                    Some(_) => (self.bring)(layer).map(drop).map_err(|source| Error::Bring { layer, source }),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// The manifest or index with that digest.
    pub fn root(&self, digest: &Digest) -> Result<Document, Error> {
        let missing = || Error::Missing { place: self.place(), digest: *digest };
        let bytes = self.store.read_blob(digest, LARGEST_DOCUMENT)?.ok_or_else(missing)?;
        super::document::of_bytes(bytes)
            .ok_or_else(|| Error::form(self.place(), format!("{digest} is neither a manifest nor an index")))
    }
}

impl Origin for StoreOrigin<'_> {
    fn place(&self) -> String {
        "the store".to_string()
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Document, Error> {
        check_size(&self.place(), descriptor)?;
        let digest = descriptor_digest(descriptor)?;
        let bytes = self.store.read_blob(&digest, descriptor.size())?;
        verified(
            &self.place(),
            descriptor,
            bytes.ok_or_else(|| Error::Missing { place: self.place(), digest })?,
        )
    }

    fn has(&self, descriptor: &Descriptor, diff_id: Option<DiffId>) -> Result<bool, Error> {
        if self.store.blob_or_tar_size(&descriptor_digest(descriptor)?)? == Some(descriptor.size()) {
            return Ok(true);
        }
        Ok(diff_id.map(|diff_id| self.store.remote_layer(diff_id)).transpose()?.flatten().is_some())
    }

    fn blob(&self, blob: &Blob, out: &mut dyn Write, moved: &dyn Fn(u64)) -> Result<(), Error> {
        self.here(blob)?;
        let missing = || Error::Missing { place: self.place(), digest: blob.digest };
        let mut reader = self.store.blob_or_tar(&blob.digest)?.ok_or_else(missing)?;
        copy_verified(&self.place(), &blob.descriptor, &mut reader, out, moved)
    }

    fn places(&self, blob: &Blob) -> Result<Vec<String>, Error> {
        let mut places = self.store.blob_origins(&blob.digest)?;
        let remote = blob.diff_id.map(|diff_id| self.store.remote_layer(diff_id)).transpose()?.flatten();
        let remote = remote.filter(|remote| remote.blob.digest() == blob.descriptor.digest());
        places.extend(remote.into_iter().flat_map(|remote| remote.places));
        Ok(places)
    }
}
