//! Blobs: any bytes, named by their digest.

use std::fs::File;
use std::io::{self, Write};

use super::error::Error;
use super::store::Store;
use crate::oci::Digest;

/// A blob in the making; dropped without [`BlobWriter::commit`], it leaves nothing.
pub struct BlobWriter {
    store: Store,
}

impl BlobWriter {
    /// Gives the blob its name, if it is what was `expected`.
    pub fn commit(self, expected: Option<(Digest, u64)>) -> Result<(Digest, u64), Error> {
        let _ = (&self.store, expected);
        todo!()
    }
}

impl Write for BlobWriter {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        todo!()
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Store {
    /// Starts a blob.
    pub fn blob_writer(&self) -> Result<BlobWriter, Error> {
        todo!()
    }

    /// Stores `bytes`.
    pub fn put_blob(&self, bytes: &[u8]) -> Result<Digest, Error> {
        let _ = bytes;
        todo!()
    }

    /// The size of a blob that is here.
    pub fn blob_size(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        let _ = digest;
        todo!()
    }

    /// A blob, unverified: whoever reads it must check the digest.
    pub fn open_blob(&self, digest: &Digest) -> Result<Option<File>, Error> {
        let _ = digest;
        todo!()
    }

    /// A whole blob of at most `limit` bytes, verified. A damaged one is dropped and counts as absent.
    pub fn read_blob(&self, digest: &Digest, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let _ = (digest, limit);
        todo!()
    }
}
