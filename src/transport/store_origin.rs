//! Images out of the store.

use std::io::Write;

use super::document::{LARGEST_DOCUMENT, verified};
use super::error::Error;
use super::origin::{Origin, copy_verified};
use super::whole::check_size;
use crate::image::Document;
use crate::oci::{Descriptor, Digest, descriptor_digest};
use crate::store::Store;

/// The store.
pub(super) struct StoreOrigin<'a> {
    pub store: &'a Store,
}

impl StoreOrigin<'_> {
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

    fn has(&self, descriptor: &Descriptor) -> Result<bool, Error> {
        Ok(self.store.blob_or_tar_size(&descriptor_digest(descriptor)?)? == Some(descriptor.size()))
    }

    fn blob(&self, descriptor: &Descriptor, out: &mut dyn Write, moved: &dyn Fn(u64)) -> Result<(), Error> {
        let digest = descriptor_digest(descriptor)?;
        let missing = || Error::Missing { place: self.place(), digest };
        let mut reader = self.store.blob_or_tar(&digest)?.ok_or_else(missing)?;
        copy_verified(&self.place(), descriptor, &mut reader, out, moved)
    }
}
