//! A blob that is verified while it is read.

use std::fs::File;
use std::io::{self, Read};
use std::sync::{Arc, Mutex};

use super::error::Error;
use super::healed::ObjectKind;
use super::lock::locked;
use super::open::Store;
use crate::oci::{Digest, Hasher};

/// The bytes of a blob. The read that brings the last of them fails, and the blob is dropped, if they are not those of its
/// digest.
pub struct BlobReader {
    store: Store,
    digest: Digest,
    file: File,
    size: u64,
    read: u64,
    /// Taken when the digest was checked.
    hasher: Option<Hasher>,
}

impl BlobReader {
    /// Bytes of the blob.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The file alone, for who checks the bytes himself.
    pub(super) fn into_unverified(self) -> File {
        self.file
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.store.disk.go_on()?;
        let n = self.file.read(buffer)?;
        self.read += n as u64;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..n]);
        }
        // With the last byte, not with the end after it: a reader that knows the size stops there.
        let ended = n == 0 && !buffer.is_empty() || self.read >= self.size;
        if ended
            && let Some(hasher) = self.hasher.take()
            && hasher.finish() != self.digest
        {
            let path = self.store.disk.layout.blob(&self.digest);
            let reason = "its bytes are not those of its digest".to_string();
            let healed = self.store.disk.heal(ObjectKind::Blob, &path, &self.file, reason.as_str());
            let what = format!("blob {}", self.digest);
            let error = healed.err().unwrap_or(Error::Damaged { what, reason });
            return Err(io::Error::new(io::ErrorKind::InvalidData, error));
        }
        Ok(n)
    }
}

/// A blob that a decompressor reads, and that is read to its end when that has all it wants.
#[derive(Clone)]
pub(super) struct SharedReader(Arc<Mutex<BlobReader>>);

impl SharedReader {
    pub(super) fn new(reader: BlobReader) -> SharedReader {
        SharedReader(Arc::new(Mutex::new(reader)))
    }
}

impl Read for SharedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        locked(&self.0).read(buffer)
    }
}

impl Store {
    /// A blob, verified while it is read.
    pub fn blob_reader(&self, digest: &Digest) -> Result<Option<BlobReader>, Error> {
        let path = self.disk.layout.blob(digest);
        let Some(file) = self.disk.open_used(&path)? else { return Ok(None) };
        let size = file.metadata().map_err(Error::io("look at", &path))?.len();
        let hasher = Some(Hasher::new());
        Ok(Some(BlobReader { store: self.clone(), digest: *digest, file, size, read: 0, hasher }))
    }
}
