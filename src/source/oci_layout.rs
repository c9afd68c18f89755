//! Images in an OCI image layout directory.

use std::io::{self, Read};
use std::path::Path;

use super::error::Error;
use crate::oci::{Descriptor, Digest, ImageManifest, Platform};

/// A directory with `oci-layout`, `index.json` and `blobs`. SPEC: image-spec image-layout.md.
#[derive(Clone, Debug)]
pub struct OciLayout {}

/// An image of a layout; all bytes verified.
#[derive(Clone, Debug)]
pub struct Picked {
    /// The manifest's descriptor.
    pub descriptor: Descriptor,
    /// The manifest's digest.
    pub digest: Digest,
    /// The manifest, verbatim.
    pub manifest_bytes: Vec<u8>,
    /// The manifest.
    pub manifest: ImageManifest,
    /// The image config, verbatim.
    pub config_bytes: Vec<u8>,
}

/// A blob that is verified while it is read: reading to the end fails if size or digest are wrong.
#[derive(Debug)]
pub struct VerifiedBlob {}

impl OciLayout {
    /// Opens a layout.
    pub fn open(directory: &Path) -> Result<OciLayout, Error> {
        let _ = directory;
        todo!()
    }

    /// Finds an image by tag, by digest (of a manifest or an index), or the only one, for a platform.
    pub fn select(
        &self,
        tag: Option<&str>,
        digest: Option<&Digest>,
        platform: &Platform,
    ) -> Result<Picked, Error> {
        let _ = (tag, digest, platform);
        todo!()
    }

    /// Opens a blob.
    pub fn blob(&self, descriptor: &Descriptor) -> Result<VerifiedBlob, Error> {
        let _ = descriptor;
        todo!()
    }
}

impl Read for VerifiedBlob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let _ = buffer;
        todo!()
    }
}
