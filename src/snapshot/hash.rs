//! The digest of an open file.

use std::fs::File;
use std::io::{self, Read};

use crate::oci::{Digest, Hasher};

/// Reads `file` to its end; its size and digest.
pub(super) fn hash(file: &mut File, buffer: &mut Vec<u8>) -> io::Result<(u64, Digest)> {
    buffer.resize(256 * 1024, 0);
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
