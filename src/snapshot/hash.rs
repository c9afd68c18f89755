//! The digest of an open file.

use std::fs::File;
use std::io::{self, Read};

use crate::oci::{Digest, Hasher};

/// LIMIT: bytes read at once.
const LARGEST: usize = 256 << 10;

/// Reads `file`, which has about as many bytes as `expected`, to its end; its size and digest.
pub(super) fn hash(file: &mut File, expected: u64, buffer: &mut Vec<u8>) -> io::Result<(u64, Digest)> {
    // No larger than the file and the end that is found by one byte more: fresh memory costs more than it holds.
    let wanted = usize::try_from(expected).unwrap_or(LARGEST).saturating_add(1).clamp(4096, LARGEST);
    if buffer.len() < wanted {
        buffer.resize(wanted, 0);
    }
    let mut hasher = Hasher::new();
    let mut size = 0;
    loop {
        match file.read(buffer) {
            Ok(0) => return Ok((size, hasher.finish())),
            Ok(count) => {
                hasher.update(&buffer[..count]);
                size += count as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}
