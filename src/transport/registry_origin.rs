//! Images out of a registry.

use std::io::Write;

use super::error::Error;
use super::origin::{Blob, Origin};
use super::whole::check_size;
use crate::image::Document;
use crate::oci::{Descriptor, DiffId, Hashing, Reference};
use crate::registry::{Client, Kind};

/// A repository.
pub(super) struct RegistryOrigin<'a> {
    pub client: &'a Client,
    pub reference: Reference,
    pub canceled: &'a (dyn Fn() -> bool + Sync),
}

impl RegistryOrigin<'_> {
    /// What the reference names.
    pub fn root(&self) -> Result<Document, Error> {
        let found = self.client.resolve(&self.reference)?;
        Ok(Document { descriptor: found.descriptor, bytes: found.bytes })
    }
}

impl Origin for RegistryOrigin<'_> {
    fn place(&self) -> String {
        self.reference.familiar()
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Document, Error> {
        check_size(&self.place(), descriptor)?;
        let bytes = match Kind::of(descriptor.media_type().as_ref()) {
            Some(_) => self.client.manifest(&self.reference, descriptor)?.bytes,
            // A config is a blob to a registry.
            None => {
                let mut open = || Ok(Vec::new());
                self.client.blob_into(&self.reference, descriptor, &mut open, &|_| {}, self.canceled)?
            }
        };
        Ok(Document { descriptor: descriptor.clone(), bytes })
    }

    fn has(&self, _: &Descriptor, _: Option<DiffId>) -> Result<bool, Error> {
        Ok(true)
    }

    fn blob(&self, blob: &Blob, out: &mut dyn Write, moved: &dyn Fn(u64)) -> Result<(), Error> {
        Ok(self.client.blob(
            &self.reference,
            &blob.descriptor,
            &mut Hashing::new(out),
            moved,
            self.canceled,
        )?)
    }

    fn repository(&self) -> Option<&Reference> {
        Some(&self.reference)
    }

    fn is_remote(&self) -> bool {
        true
    }
}
