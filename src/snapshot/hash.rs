//! The digest of an open file.

use std::fs::File;
use std::io::{self, Read};

use crate::oci::{Digest, Hasher};

/// LIMIT: bytes read at once.
const LARGEST: usize = 256 << 10;

/// A file's size and digest.
pub(super) struct Hashed {
    pub size: u64,
    pub digest: Digest,
    /// Whether the buffer begins with all of it.
    pub is_in_buffer: bool,
}

/// Reads `file`, which has about as many bytes as `expected`, to its end.
pub(super) fn hash(file: &mut File, expected: u64, buffer: &mut Vec<u8>) -> io::Result<Hashed> {
    // No larger than the file and the end that is found by one byte more: fresh memory costs more than it holds.
    let wanted = usize::try_from(expected).unwrap_or(LARGEST).saturating_add(1).clamp(4096, LARGEST);
    if buffer.len() < wanted {
        buffer.resize(wanted, 0);
    }
    let mut hasher = Hasher::new();
    let (mut size, mut reads) = (0, 0);
    loop {
        match file.read(buffer) {
            Ok(0) => return Ok(Hashed { size, digest: hasher.finish(), is_in_buffer: reads <= 1 }),
            Ok(count) => {
                hasher.update(&buffer[..count]);
                size += count as u64;
                reads += 1;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}
