//! Images out of a layout or an archive.

use std::io::{Read, Write};

use super::bundle::Bundle;
use super::document::verified;
use super::error::Error;
use super::listing::{Listed, Listing, list};
use super::origin::{Origin, copy_verified};
use super::whole::check_size;
use crate::image::{Document, blob_path};
use crate::oci::{Descriptor, Digest, Reference, descriptor_digest};

/// A layout or an archive.
pub(super) struct BundleOrigin {
    bundle: Bundle,
    listing: Listing,
}

impl BundleOrigin {
    /// Reads what there is.
    pub fn new(bundle: Bundle) -> Result<BundleOrigin, Error> {
        let listing = list(&bundle)?;
        Ok(BundleOrigin { bundle, listing })
    }

    /// All images.
    pub fn images(&self) -> &[Listed] {
        &self.listing.images
    }

    /// The one that is called `name`, or that has that digest, or the only one.
    pub fn image(&self, name: Option<&str>, digest: Option<&Digest>) -> Result<Listed, Error> {
        let images = &self.listing.images;
        let wanted_reference = name.and_then(|name| name.parse::<Reference>().ok());
        let is_called = |image: &&Listed| {
            image.labels.iter().any(|label| Some(label.as_str()) == name)
                || wanted_reference.as_ref().is_some_and(|wanted| image.names.contains(wanted))
        };
        let ends = |image: &&Listed| {
            let name = name.unwrap_or_default();
            image.names.iter().any(|known| known.tag.as_deref() == Some(name))
        };
        let found = match (digest, name) {
            (Some(digest), _) => {
                let text = digest.to_string();
                let listed = images.iter().find(|image| image.descriptor.digest().to_string() == text);
                return match listed {
                    Some(image) => Ok(image.clone()),
                    None => self.unlisted(digest),
                };
            }
            (None, Some(_)) => images.iter().find(is_called).or_else(|| images.iter().find(ends)),
            (None, None) if images.len() == 1 => images.first(),
            (None, None) => images.iter().find(|image| image.labels.iter().any(|label| label == "latest")),
        };
        found.cloned().ok_or_else(|| {
            let there: Vec<String> = images.iter().map(shown).collect();
            let wanted = match name {
                Some(name) => format!("called {name}"),
                None => "that is the only one, and none called latest: say which".to_string(),
            };
            let available = if there.is_empty() { "none".to_string() } else { there.join(", ") };
            Error::NoImage { place: self.place(), wanted, available }
        })
    }

    /// A manifest that the index does not list itself, such as one of a listed index.
    fn unlisted(&self, digest: &Digest) -> Result<Listed, Error> {
        let missing = || Error::Missing { place: self.place(), digest: *digest };
        let bytes = self.bundle.small(&blob_path(digest))?.ok_or_else(missing)?;
        let document = super::document::of_bytes(bytes).ok_or_else(|| {
            Error::form(self.place(), format!("{digest} is neither a manifest nor an index"))
        })?;
        Ok(Listed { descriptor: document.descriptor, names: Vec::new(), labels: Vec::new() })
    }

    fn open(&self, descriptor: &Descriptor) -> Result<Box<dyn Read + Send>, Error> {
        let digest = descriptor_digest(descriptor)?;
        let path = self.listing.blobs.get(&digest).cloned().unwrap_or_else(|| blob_path(&digest));
        let file = self.bundle.file(&path)?;
        file.map(|(file, _)| file).ok_or_else(|| Error::Missing { place: self.place(), digest })
    }
}

fn shown(image: &Listed) -> String {
    image.labels.first().cloned().unwrap_or_else(|| image.descriptor.digest().to_string())
}

impl Origin for BundleOrigin {
    fn place(&self) -> String {
        self.bundle.place()
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Document, Error> {
        if let Some(made) = self.listing.made.get(&descriptor_digest(descriptor)?) {
            return Ok(made.clone());
        }
        check_size(&self.place(), descriptor)?;
        let mut bytes = Vec::new();
        let read = self.open(descriptor)?.take(descriptor.size() + 1).read_to_end(&mut bytes);
        read.map_err(|e| Error::form(self.place(), format!("{}: {e}", descriptor.digest())))?;
        verified(&self.place(), descriptor, bytes)
    }

    fn has(&self, descriptor: &Descriptor) -> Result<bool, Error> {
        match self.open(descriptor) {
            Ok(_) => Ok(true),
            Err(Error::Missing { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn blob(&self, descriptor: &Descriptor, out: &mut dyn Write, moved: &dyn Fn(u64)) -> Result<(), Error> {
        copy_verified(&self.place(), descriptor, &mut self.open(descriptor)?, out, moved)
    }
}
