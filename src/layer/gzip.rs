//! One gzip member. SPEC: RFC 1952.

use std::io;

use super::blocks::Coder;
use super::noise::noise;

/// Members of at most 1 MiB at one of libdeflate's levels 0 to 9: one of each block, or three where noise is in it.
pub fn coder(level: u32) -> Coder {
    Coder { block: 1 << 20, each: 2, level: level.min(9) as i32, encode: members }
}

/// ORDER: what is noise decides bytes, see `store::form`.
fn members(block: &[u8], level: i32, out: &mut Vec<u8>) -> io::Result<usize> {
    let Some(noise) = noise(block) else { return Ok(member(block, level, out, 0)) };
    let pieces = [(&block[..noise.start], level), (&block[noise.clone()], 0), (&block[noise.end..], level)];
    let pieces = pieces.into_iter().filter(|(piece, _)| !piece.is_empty());
    Ok(pieces.fold(0, |end, (piece, level)| member(piece, level, out, end)))
}

/// Puts a member at `start` of the buffer, and says where it ends.
fn member(block: &[u8], level: i32, out: &mut Vec<u8>, start: usize) -> usize {
    let level = libdeflater::CompressionLvl::new(level).unwrap_or_default();
    let mut compressor = libdeflater::Compressor::new(level);
    // ORDER: magic, deflate, no flags, no time, no extra flags, unknown system.
    let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let begin = start + head.len();
    let room = begin + compressor.deflate_compress_bound(block.len()) + 8;
    if out.len() < room {
        out.resize(room, 0);
    }
    out[start..begin].copy_from_slice(&head);
    let length = compressor
        .deflate_compress(block, &mut out[begin..])
        .expect("the bound is what the library asked for");
    let end = begin + length;
    out[end..end + 4].copy_from_slice(&libdeflater::crc32(block).to_le_bytes());
    out[end + 4..end + 8].copy_from_slice(&(block.len() as u32).to_le_bytes());
    end + 8
}
