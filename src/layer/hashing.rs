//! Bytes hashed and counted on their way.

use std::io::{self, Write};

use crate::oci::{Digest, Hasher};

/// Hashes and counts what is written through it.
pub struct Hashing<W> {
    out: W,
    hasher: Hasher,
    size: u64,
}

impl<W> Hashing<W> {
    /// Nothing was written yet.
    pub fn new(out: W) -> Hashing<W> {
        Hashing { out, hasher: Hasher::new(), size: 0 }
    }

    /// Where it went, the digest of all that was written, and how much that was.
    pub fn finish(self) -> (W, Digest, u64) {
        (self.out, self.hasher.finish(), self.size)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
