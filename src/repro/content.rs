//! Two files, byte by byte.

use std::io::{self, Read};

/// LIMIT: how much of each file is kept for who knows its format.
pub const KEPT: usize = 4 << 20;

/// LIMIT: bytes that are shown of each file around the place where they begin to differ, and how many of them are before it.
const AROUND: usize = 64;
const BEFORE: usize = 16;

const BLOCK: usize = 64 << 10;

/// Where and how two files differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentDifference {
    /// Bytes that both have before the first that differs.
    pub offset: u64,
    /// How many bytes differ, of those that both have.
    pub bytes: u64,
    /// The size of each.
    pub sizes: (u64, u64),
    /// Where what follows begins.
    pub start: u64,
    /// What each has there.
    pub around: (Vec<u8>, Vec<u8>),
}

/// The beginnings of two files.
pub struct Beginnings {
    /// Of the first.
    pub first: Vec<u8>,
    /// Of the second.
    pub second: Vec<u8>,
}

/// One of the two, on its way.
struct Side<'a> {
    from: &'a mut dyn Read,
    block: Vec<u8>,
    kept: Vec<u8>,
    size: u64,
}

impl Side<'_> {
    /// The next block: whole, but for the last.
    fn next(&mut self) -> io::Result<()> {
        self.block.clear();
        (&mut *self.from).take(BLOCK as u64).read_to_end(&mut self.block)?;
        let room = KEPT - self.kept.len();
        self.kept.extend_from_slice(&self.block[..self.block.len().min(room)]);
        self.size += self.block.len() as u64;
        Ok(())
    }
}

/// Compares two files to their ends; none if they are alike. Each is read once, and never held whole.
pub fn compare_content(
    first: &mut dyn Read,
    second: &mut dyn Read,
) -> io::Result<Option<(ContentDifference, Beginnings)>> {
    let side = |from| Side { from, block: Vec::with_capacity(BLOCK), kept: Vec::new(), size: 0 };
    let (mut first, mut second) = (side(first), side(second));
    let mut found: Option<ContentDifference> = None;
    // The end of the block before, for what is shown.
    let mut before: Vec<u8> = Vec::new();
    let mut position = 0;
    loop {
        first.next()?;
        second.next()?;
        let (one, two) = (&first.block, &second.block);
        if one != two {
            let common = one.len().min(two.len());
            let differing = one.iter().zip(two).filter(|(a, b)| a != b).count() as u64;
            let found = found.get_or_insert_with(|| {
                let at = one.iter().zip(two).position(|(a, b)| a != b).unwrap_or(common);
                let offset = position + at as u64;
                let lead = |block: &[u8]| [&before[..], &block[..at]].concat();
                let lead = lead(one).split_off((before.len() + at).saturating_sub(BEFORE));
                let start = offset - lead.len() as u64;
                let around = (lead.clone(), lead);
                ContentDifference { offset, bytes: 0, sizes: (0, 0), start, around }
            });
            found.bytes += differing;
        }
        if let Some(ContentDifference { start, around, .. }) = &mut found {
            for (shown, block) in [(&mut around.0, one), (&mut around.1, two)] {
                // What is shown of this block: behind what was shown of those before.
                let from = (*start + shown.len() as u64).saturating_sub(position) as usize;
                let until = (from + AROUND - shown.len().min(AROUND)).min(block.len());
                shown.extend_from_slice(block.get(from..until).unwrap_or_default());
            }
        }
        if one.is_empty() && two.is_empty() {
            break;
        }
        position += one.len().max(two.len()) as u64;
        before.clear();
        before.extend_from_slice(&one[one.len().saturating_sub(BEFORE)..]);
    }
    let sizes = (first.size, second.size);
    let beginnings = Beginnings { first: first.kept, second: second.kept };
    Ok(found.map(|found| (ContentDifference { sizes, ..found }, beginnings)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn compared(first: &[u8], second: &[u8]) -> Option<ContentDifference> {
        let found = compare_content(&mut &first[..], &mut &second[..]).expect("memory");
        if let Some((_, beginnings)) = &found {
            assert_eq!((&beginnings.first[..], &beginnings.second[..]), (first, second));
        }
        found.map(|(difference, _)| difference)
    }

    #[test]
    fn what_is_alike_does_not_differ() {
        assert_eq!(compared(b"", b""), None);
        assert_eq!(compared(&[7; 3 * BLOCK + 1], &[7; 3 * BLOCK + 1]), None);
    }

    #[test]
    fn the_place_is_found_on_both_sides_of_a_block_s_edge() {
        for at in [0, 1, BLOCK - 1, BLOCK, BLOCK + 3, 2 * BLOCK - 1] {
            let first: Vec<u8> = (0..2 * BLOCK).map(|i| i as u8).collect();
            let mut second = first.clone();
            second[at] ^= 0xff;
            let found = compared(&first, &second).expect("they differ");
            let start = at.saturating_sub(BEFORE);
            assert_eq!((found.offset, found.bytes, found.start), (at as u64, 1, start as u64), "{at}");
            let end = (start + AROUND).min(first.len());
            assert_eq!(found.around, (first[start..end].to_vec(), second[start..end].to_vec()), "{at}");
        }
    }

    #[test]
    fn only_a_beginning_of_large_files_is_kept() {
        let (first, mut second) = (vec![0; KEPT + 5], vec![0; KEPT + 9]);
        second[KEPT + 1] = 1;
        let (found, beginnings) =
            compare_content(&mut &first[..], &mut &second[..]).expect("memory").expect("they differ");
        assert_eq!((found.offset, found.sizes), (KEPT as u64 + 1, (KEPT as u64 + 5, KEPT as u64 + 9)));
        assert_eq!((beginnings.first.len(), beginnings.second.len()), (KEPT, KEPT));
    }

    proptest! {
        #[test]
        fn any_two_files_are_told_apart_where_they_part(
            common in prop::collection::vec(any::<u8>(), 0..200),
            first in prop::collection::vec(any::<u8>(), 0..100),
            second in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let (first, second) = ([&common[..], &first].concat(), [&common[..], &second].concat());
            match compared(&first, &second) {
                None => prop_assert_eq!(first, second),
                Some(found) => {
                    let offset = found.offset as usize;
                    prop_assert_eq!(&first[..offset], &second[..offset]);
                    prop_assert_ne!(first.get(offset), second.get(offset));
                    let differing = first.iter().zip(&second).filter(|(a, b)| a != b).count() as u64;
                    prop_assert_eq!(found.bytes, differing);
                    let part = |of: &[u8]| {
                        let end = (found.start as usize + AROUND).min(of.len());
                        of[found.start as usize..end].to_vec()
                    };
                    prop_assert_eq!(found.around, (part(&first), part(&second)));
                }
            }
        }
    }
}
