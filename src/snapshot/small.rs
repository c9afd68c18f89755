//! The bytes of small files, kept from when they were read to be hashed: whoever writes them into a layer need not open
//! each a second time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::tree::RootPath;

/// LIMIT: ours. Opening a larger file takes little beside reading it.
const SMALL: usize = 4 << 10;
/// LIMIT: ours; bytes of all that are kept.
const MOST: usize = 8 << 20;
/// What a file takes beside its bytes, roughly.
const EACH: usize = 128;

/// By path. Those that are here have the digests of their entries.
#[derive(Debug, Default)]
pub struct SmallFiles(HashMap<RootPath, Box<[u8]>>);

impl SmallFiles {
    /// The bytes of the file at `path`, if they were kept.
    pub fn get(&self, path: &RootPath) -> Option<&[u8]> {
        self.0.get(path).map(|bytes| &**bytes)
    }

    pub(super) fn add(&mut self, path: &RootPath, bytes: Option<Box<[u8]>>) {
        self.0.extend(bytes.map(|bytes| (path.clone(), bytes)));
    }
}

/// What there is room for.
#[derive(Default)]
pub(super) struct Room(AtomicUsize);

impl Room {
    /// A copy of `bytes`, if they are few and there is room.
    pub(super) fn keep(&self, bytes: &[u8]) -> Option<Box<[u8]>> {
        let has_room = || self.0.fetch_add(bytes.len() + EACH, Ordering::Relaxed) < MOST;
        (bytes.len() <= SMALL && has_room()).then(|| bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_bytes_are_kept_while_there_is_room() {
        let room = Room::default();
        assert_eq!(room.keep(&[1; SMALL + 1]), None);
        assert_eq!(room.keep(&[1; SMALL]).as_deref(), Some(&[1; SMALL][..]));
        let kept = (0..2 * MOST / SMALL).filter(|_| room.keep(&[2; SMALL]).is_some()).count();
        assert!(kept > MOST / SMALL / 2 && (kept + 1) * SMALL <= MOST, "{kept}");
        assert_eq!(room.keep(b"x"), None);
    }
}
