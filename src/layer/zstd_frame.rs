//! One zstd frame. SPEC: RFC 8878.
//!
//! Not zstd's own workers: those hold several times the memory, and one frame over all of it cannot be made in pieces.

use std::io;

use super::blocks::Coder;

/// Frames of 4 MiB at one of zstd's levels 1 to 22. Smaller ones cost more bytes, larger ones more memory.
pub fn coder(level: i32) -> Coder {
    Coder { block: 4 << 20, each: 1, level: level.clamp(1, 22), encode: frame }
}

/// ORDER: with its content's size, which is known, and a checksum.
fn frame(block: &[u8], level: i32, out: &mut Vec<u8>) -> io::Result<usize> {
    let mut compressor = zstd::bulk::Compressor::new(level)?;
    compressor.include_checksum(true)?;
    out.clear();
    out.reserve(zstd::zstd_safe::compress_bound(block.len()));
    compressor.compress_to_buffer(block, out)
}
