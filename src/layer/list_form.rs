//! The stored form of a list, version 1: magic, number of entries, the entries, and the SHA-256 of all before it.
//!
//! An entry is its path (bytes shared with the path before, then the rest), a byte of kind and flags, and what the flags do
//! not take over from the entry before. Numbers are LEB128. It is small because neighbours are alike, and quick because
//! nothing is looked up.

use super::error::Error;
use crate::tree::Time;

pub(super) const MAGIC: &[u8; 8] = b"rbuildL\x01";
pub(super) const SAME_OWNER: u8 = 0x10;
pub(super) const SAME_TIME: u8 = 0x20;
pub(super) const XATTRS: u8 = 0x40;
pub(super) const UNKNOWN: u8 = 0x80;

/// What an entry may leave out because the one before has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    /// Mode, user and group.
    pub owner: (u32, u32, u32),
    pub mtime: Time,
    /// Where the bytes of the last file are.
    pub at: u64,
}

impl Default for Before {
    fn default() -> Before {
        Before { owner: (0o755, 0, 0), mtime: Time::default(), at: 0 }
    }
}

pub(super) const CUT_OFF: Error = Error::List("it is cut off");
pub(super) const NONSENSE: Error = Error::List("its bytes make no sense");
