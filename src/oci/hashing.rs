//! Bytes hashed and counted on their way.

use std::io::{self, Write};

use super::digest::{Digest, Hasher};

/// Takes bytes and knows their digest, so that who hands them over need not hash them a second time.
pub trait Digesting: Write {
    /// The digest of all that was written.
    fn digest(&self) -> Digest;
}

impl Digesting for Vec<u8> {
    fn digest(&self) -> Digest {
        Digest::of(self)
    }
}

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

impl<W: Write> Digesting for Hashing<W> {
    fn digest(&self) -> Digest {
        self.hasher.clone().finish()
    }
}
