//! The form of a layer that differs little from another: the ranges of the other's tar that it repeats, and the bytes
//! between them.
//!
//! The blob, version 1: the bytes that the other layer does not have, in order; the ranges, each the place in this tar, the
//! place in the other one and the length; the number of ranges, the size of this tar, and a magic. Numbers are 64 bits,
//! little-endian. The other layer is always kept plain, so that no patch stands on a patch.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;

const MAGIC: &[u8; 8] = b"rbuildP\x01";
const RANGE: u64 = 24;
const END: u64 = 24;

/// A range of the tar that is in the other one too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Repeat {
    /// Where it begins in this tar.
    pub at: u64,
    /// Where it begins in the other.
    pub from: u64,
    /// Bytes.
    pub length: u64,
}

/// What a tar is put together of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recipe {
    /// In order, none touching the next.
    repeats: Vec<Repeat>,
    /// For each, how many bytes of the tar before it are the patch's own.
    own: Vec<u64>,
    size: u64,
}

impl Recipe {
    /// The recipe of a tar of `size` bytes; none if the ranges are not in order or not within.
    pub fn new(repeats: Vec<Repeat>, size: u64) -> Option<Recipe> {
        let (mut end, mut before) = (0_u64, 0_u64);
        let mut own = Vec::with_capacity(repeats.len());
        for Repeat { at, from, length } in &repeats {
            before = before.checked_add(at.checked_sub(end)?)?;
            own.push(before);
            end = at.checked_add(*length).filter(|end| *end <= size && *length > 0)?;
            from.checked_add(*length)?;
        }
        Some(Recipe { repeats, own, size })
    }

    /// What stands in the blob behind the bytes of its own.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.repeats.len() * RANGE as usize + END as usize);
        let mut number = |number: u64| out.extend(number.to_le_bytes());
        for Repeat { at, from, length } in &self.repeats {
            [*at, *from, *length].into_iter().for_each(&mut number);
        }
        number(self.repeats.len() as u64);
        number(self.size);
        out.extend(MAGIC);
        out
    }

    /// Reads the recipe out of a blob; none if that is no patch. Nothing is verified but that it makes sense: who reads the
    /// tar compares digests.
    pub fn read(blob: &File) -> io::Result<Option<Recipe>> {
        let length = blob.metadata()?.len();
        let Some(end) = length.checked_sub(END) else { return Ok(None) };
        let mut tail = [0; END as usize];
        blob.read_exact_at(&mut tail, end)?;
        let (Some((count, rest)), true) = (number(&tail), tail.ends_with(MAGIC)) else { return Ok(None) };
        let Some((size, _)) = number(rest) else { return Ok(None) };
        let start = count.checked_mul(RANGE).and_then(|ranges| end.checked_sub(ranges));
        let Some(start) = start else { return Ok(None) };
        let mut bytes = vec![0; (end - start) as usize];
        blob.read_exact_at(&mut bytes, start)?;
        let repeats = bytes.chunks_exact(RANGE as usize).filter_map(|range| {
            let (at, rest) = number(range)?;
            let (from, rest) = number(rest)?;
            let (length, _) = number(rest)?;
            Some(Repeat { at, from, length })
        });
        let recipe = Recipe::new(repeats.collect(), size);
        Ok(recipe.filter(|recipe| size - recipe.repeated() == start))
    }

    /// Bytes of the tar that the other one has.
    fn repeated(&self) -> u64 {
        self.repeats.iter().map(|repeat| repeat.length).sum()
    }

    /// Where the bytes from `offset` on are, and how many lie there: in the other tar, or in the patch.
    fn find(&self, offset: u64) -> (Place, u64) {
        let next = self.repeats.partition_point(|repeat| repeat.at <= offset);
        let end = self.repeats.get(next).map_or(self.size, |repeat| repeat.at);
        let Some(before) = next.checked_sub(1) else { return (Place::Own(offset), end - offset) };
        let Repeat { at, from, length } = self.repeats[before];
        match offset.checked_sub(at + length) {
            None => (Place::Other(from + (offset - at)), at + length - offset),
            Some(past) => (Place::Own(self.own[before] + past), end.saturating_sub(offset)),
        }
    }
}

fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    bytes.split_first_chunk::<8>().map(|(number, rest)| (u64::from_le_bytes(*number), rest))
}

#[derive(Debug, PartialEq, Eq)]
enum Place {
    Other(u64),
    Own(u64),
}

/// The tar of a layer that is not compressed, readable at any place; nothing is verified.
#[derive(Debug)]
pub(super) enum Tar {
    /// In one file.
    Whole(File),
    /// Put together.
    Patched {
        /// How.
        recipe: Recipe,
        /// The bytes of its own.
        patch: File,
        /// The tar that it repeats.
        other: File,
    },
}

impl Tar {
    /// Reads from `offset` on; fewer bytes than asked for are no end.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match self {
            Tar::Whole(file) => file.read_at(buffer, offset),
            Tar::Patched { recipe, patch, other } => {
                if offset >= recipe.size {
                    return Ok(0);
                }
                let (place, length) = recipe.find(offset);
                let most = length.min(buffer.len() as u64) as usize;
                match place {
                    Place::Other(at) => other.read_at(&mut buffer[..most], at),
                    Place::Own(at) => patch.read_at(&mut buffer[..most], at),
                }
            }
        }
    }
}

/// A tar from its first byte on.
pub(super) struct TarStream {
    tar: Tar,
    at: u64,
}

impl TarStream {
    pub fn new(tar: Tar) -> TarStream {
        TarStream { tar, at: 0 }
    }

    /// The part of it that begins at `offset`.
    pub fn part(&mut self, offset: u64, length: u64) -> impl Read {
        self.at = offset;
        self.take(length)
    }
}

impl Read for TarStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.tar.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use std::io::Write as _;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn patch(own: &[u8], repeats: &[Repeat], size: u64) -> File {
        let recipe = Recipe::new(repeats.to_vec(), size).unwrap();
        file(&[own, &recipe.encode()].concat())
    }

    proptest! {
        #[test]
        fn a_tar_is_put_together_of_what_it_repeats_and_what_is_its_own(
            parts in prop::collection::vec((0_usize..50, 0_usize..40, 1_usize..30), 0..8),
            last in 0_usize..50, offset in 0_usize..500,
        ) {
            let other: Vec<u8> = (0..100).collect();
            let (mut tar, mut own, mut repeats) = (Vec::new(), Vec::new(), Vec::new());
            for (gap, from, length) in parts {
                let bytes: Vec<u8> = (0..gap).map(|n| 128 + (own.len() + n) as u8 % 128).collect();
                own.extend(&bytes);
                tar.extend(&bytes);
                repeats.push(Repeat { at: tar.len() as u64, from: from as u64, length: length as u64 });
                tar.extend(&other[from..from + length]);
            }
            own.extend(vec![255; last]);
            tar.extend(vec![255; last]);
            let patch = patch(&own, &repeats, tar.len() as u64);
            let recipe = Recipe::read(&patch).unwrap().unwrap();
            let whole = Tar::Patched { recipe, patch, other: file(&other) };
            let mut from = Vec::new();
            let mut stream = TarStream { tar: whole, at: offset as u64 };
            stream.read_to_end(&mut from).unwrap();
            prop_assert_eq!(from, tar.get(offset..).unwrap_or_default());
        }
    }

    #[test]
    fn what_is_no_patch_or_a_cut_one_is_none() {
        let repeat = Repeat { at: 2, from: 0, length: 3 };
        let mut whole = Vec::new();
        let mut read = patch(b"own", &[repeat], 6);
        io::Seek::rewind(&mut read).unwrap();
        read.read_to_end(&mut whole).unwrap();
        assert!(Recipe::read(&file(&whole)).unwrap().is_some());
        for length in 0..whole.len() {
            assert_eq!(Recipe::read(&file(&whole[..length])).unwrap(), None, "{length}");
            assert_eq!(
                Recipe::read(&file(&whole[whole.len() - length..])).unwrap(),
                None,
                "the last {length}"
            );
        }
        let huge = [u64::MAX.to_le_bytes(), 6_u64.to_le_bytes(), *MAGIC].concat();
        assert_eq!(Recipe::read(&file(&huge)).unwrap(), None);
    }

    #[test]
    fn ranges_that_overlap_leave_the_tar_or_are_empty_make_no_recipe() {
        let repeat = |at, from, length| Repeat { at, from, length };
        for (repeats, size) in [
            (vec![repeat(0, 0, 4), repeat(3, 9, 2)], 9),
            (vec![repeat(4, 0, 2)], 5),
            (vec![repeat(0, 0, 0)], 5),
            (vec![repeat(0, u64::MAX, 2)], 5),
            (vec![repeat(u64::MAX, 0, 2)], u64::MAX),
        ] {
            assert_eq!(Recipe::new(repeats.clone(), size), None, "{repeats:?}");
        }
    }
}
