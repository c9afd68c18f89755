//! One gzip member. SPEC: RFC 1952.

use std::io;

use super::blocks::Coder;
use super::noise::noise;

/// Members of at most 1 MiB at one of libdeflate's levels 0 to 9: one of each block, or three where noise is in it.
pub fn coder(level: u32) -> Coder {
    Coder { block: 1 << 20, each: 2, level: level.min(9) as i32, encode: members }
}

/// ORDER: what is noise decides bytes, see `store::form`.
fn members(block: &[u8], level: i32) -> io::Result<Vec<u8>> {
    let Some(noise) = noise(block) else { return Ok(member(block, level)) };
    let mut out = Vec::new();
    let pieces = [(&block[..noise.start], level), (&block[noise.clone()], 0), (&block[noise.end..], level)];
    for (piece, level) in pieces.into_iter().filter(|(piece, _)| !piece.is_empty()) {
        out.extend(member(piece, level));
    }
    Ok(out)
}

fn member(block: &[u8], level: i32) -> Vec<u8> {
    let level = libdeflater::CompressionLvl::new(level).unwrap_or_default();
    let mut compressor = libdeflater::Compressor::new(level);
    // ORDER: magic, deflate, no flags, no time, no extra flags, unknown system.
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let start = out.len();
    out.resize(start + compressor.deflate_compress_bound(block.len()), 0);
    let length = compressor
        .deflate_compress(block, &mut out[start..])
        .expect("the bound is what the library asked for");
    out.truncate(start + length);
    out.extend(libdeflater::crc32(block).to_le_bytes());
    out.extend((block.len() as u32).to_le_bytes());
    out
}
