//! A tar on its way into a patch: hashed whole, and kept where another tar does not have it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;

use super::beside::Beside;
use super::blob::BlobWriter;
use super::patch::{Recipe, Repeat};

use crate::oci::{Digest, Hashing};

/// LIMIT: bytes between two ranges that are compared with what is between them in the other tar: headers.
const GAP: usize = 16 << 10;

/// Takes the whole tar, and writes a patch.
pub(super) struct PatchSink {
    hashing: Beside<Hashing<io::Sink>>,
    out: BlobWriter,
    other: File,
    /// Ranges that have begun, as long as they will be.
    repeats: Vec<Repeat>,
    /// Ranges that have not ended.
    coming: VecDeque<Repeat>,
    at: u64,
    /// Bytes since the last range.
    gap: Vec<u8>,
    /// Whether there were too many of them, and the first are written already.
    is_long: bool,
}

impl PatchSink {
    /// A patch of the tar in `other`.
    pub fn new(out: BlobWriter, other: File) -> PatchSink {
        let (hashing, coming) = (Beside::new(Hashing::new(io::sink())), VecDeque::new());
        PatchSink { hashing, out, other, repeats: Vec::new(), coming, at: 0, gap: Vec::new(), is_long: false }
    }

    /// The caller has what it will write at `repeat.at`, behind what was announced before, from the other tar.
    pub fn announce(&mut self, repeat: Repeat) {
        if repeat.length > 0 {
            self.coming.push_back(repeat);
        }
    }

    /// Ends the patch: its blob, with the digest and the size of the whole tar.
    pub fn finish(mut self) -> io::Result<(BlobWriter, Digest, u64)> {
        self.out.write_all(&self.gap)?;
        let (_, digest, size) = self.hashing.finish()?.finish();
        let recipe =
            Recipe::new(self.repeats, size).ok_or_else(|| io::Error::other("a patch out of order"))?;
        self.out.write_all(&recipe.encode())?;
        Ok((self.out, digest, size))
    }

    fn own(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.gap.extend_from_slice(bytes);
        if self.gap.len() > GAP {
            self.is_long = true;
            self.out.write_all(&self.gap)?;
            self.gap.clear();
        }
        Ok(())
    }

    /// A range that begins continues the one before it, if what is between them is in the other tar too.
    fn begin(&mut self, repeat: Repeat) -> io::Result<()> {
        let (gap, is_long) = (std::mem::take(&mut self.gap), std::mem::take(&mut self.is_long));
        match self.repeats.last_mut() {
            Some(last) if !is_long && is_between(&gap, &self.other, *last, repeat)? => {
                last.length += gap.len() as u64 + repeat.length;
            }
            _ => {
                self.out.write_all(&gap)?;
                self.repeats.push(repeat);
            }
        }
        self.gap = gap;
        self.gap.clear();
        Ok(())
    }
}

fn is_between(gap: &[u8], other: &File, before: Repeat, next: Repeat) -> io::Result<bool> {
    let end = before.from + before.length;
    if end.checked_add(gap.len() as u64) != Some(next.from) {
        return Ok(false);
    }
    let mut there = [0; GAP];
    let there = &mut there[..gap.len()];
    other.read_exact_at(there, end)?;
    Ok(there == gap)
}

fn cut(length: usize, most: u64) -> usize {
    usize::try_from(most).unwrap_or(usize::MAX).min(length)
}

impl Write for PatchSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.go_on()?;
        let mut rest = bytes;
        while !rest.is_empty() {
            let count = match self.coming.front().copied() {
                None => rest.len(),
                Some(next) if next.at > self.at => cut(rest.len(), next.at - self.at),
                Some(next) => {
                    if next.at == self.at {
                        self.begin(next)?;
                    }
                    let left = next.at + next.length - self.at;
                    let count = cut(rest.len(), left);
                    if count as u64 == left {
                        self.coming.pop_front();
                    }
                    self.at += count as u64;
                    rest = &rest[count..];
                    continue;
                }
            };
            self.own(&rest[..count])?;
            self.at += count as u64;
            rest = &rest[count..];
        }
        self.hashing.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
