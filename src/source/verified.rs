//! Bytes that are checked while they are read.

use std::fs::File;
use std::io::{self, Read};

use crate::oci::{Digest, Hasher};

/// A blob that is verified while it is read: reading to the end fails if size or digest are wrong.
pub struct VerifiedBlob {
    file: File,
    digest: Digest,
    left: u64,
    hasher: Option<Hasher>,
}

impl VerifiedBlob {
    pub(super) fn new(file: File, digest: Digest, size: u64) -> VerifiedBlob {
        VerifiedBlob { file, digest, left: size, hasher: Some(Hasher::new()) }
    }
}

impl Read for VerifiedBlob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let Some(hasher) = &mut self.hasher else { return Ok(0) };
        let wrong = |text: String| Err(io::Error::new(io::ErrorKind::InvalidData, text));
        let read = self.file.read(buffer)?;
        let Some(left) = self.left.checked_sub(read as u64) else {
            return wrong(format!("{} is longer than its descriptor says", self.digest));
        };
        self.left = left;
        hasher.update(&buffer[..read]);
        if read > 0 {
            return Ok(read);
        }
        if self.left > 0 {
            return wrong(format!("{} is {} bytes shorter than its descriptor says", self.digest, self.left));
        }
        let found = self.hasher.take().map(Hasher::finish);
        match found {
            Some(found) if found != self.digest => wrong(format!("{} has the digest {found}", self.digest)),
            _ => Ok(0),
        }
    }
}
