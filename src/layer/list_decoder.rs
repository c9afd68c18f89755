//! A list from its stored form.

use std::collections::BTreeMap;

use super::error::Error;
use super::list_form::{Before, CUT_OFF, MAGIC, NONSENSE, SAME_OWNER, SAME_TIME, UNKNOWN, XATTRS};
use crate::oci::Digest;
use crate::tree::{Entry, Kind, RootPath, Time, order};

/// Reads the stored form entry by entry, for who needs each of them once, of bytes that somebody has found to be those that
/// were stored. After an error there is no more.
pub struct ListDecoder<'a> {
    pub(super) rest: &'a [u8],
    /// Entries that are still to come.
    pub(super) left: usize,
    /// Of the entry that was read last.
    pub(super) path: Vec<u8>,
    pub(super) before: Before,
    is_first: bool,
}

/// An entry whose path is the decoder's, with nothing copied.
pub(super) struct Raw<'a> {
    pub kind: RawKind<'a>,
    pub offset: u64,
    /// How many, and where the first is.
    xattrs: (u64, &'a [u8]),
}

pub(super) enum RawKind<'a> {
    File { size: u64, digest: &'a [u8; 32] },
    Directory,
    Symlink(&'a [u8]),
    Hardlink(&'a [u8]),
    CharDevice { major: u32, minor: u32 },
    BlockDevice { major: u32, minor: u32 },
    Fifo,
    Whiteout,
    OpaqueDirectory,
}

impl<'a> ListDecoder<'a> {
    /// From the beginning. The digest at the end is not looked at.
    pub fn new(bytes: &'a [u8]) -> Result<ListDecoder<'a>, Error> {
        let (body, _) = bytes.split_last_chunk::<32>().ok_or(CUT_OFF)?;
        let mut rest = body.strip_prefix(MAGIC).ok_or(Error::List("it is of another version"))?;
        let left = take_number(&mut rest).and_then(|left| usize::try_from(left).ok()).ok_or(NONSENSE)?;
        Ok(ListDecoder { rest, left, path: Vec::new(), before: Before::default(), is_first: true })
    }

    /// From an entry on, of which `path` is known and what is before it: so many.
    pub(super) fn within(rest: &'a [u8], left: usize, path: &RootPath, before: Before) -> ListDecoder<'a> {
        // What a path shares with the one before it, it shares with itself.
        ListDecoder { rest, left, path: path.as_bytes().to_vec(), before, is_first: true }
    }

    /// How many entries there can be: one takes four bytes at least, so that a count alone asks for no memory.
    pub(super) fn most(&self) -> usize {
        self.left.min(self.rest.len() / 4)
    }

    /// Moves behind the next entry.
    pub(super) fn raw(&mut self) -> Option<Raw<'a>> {
        self.left = self.left.checked_sub(1)?;
        let rest = &mut self.rest;
        let shared = usize::try_from(take_number(rest)?).ok().filter(|shared| *shared <= self.path.len())?;
        let own = take_bytes(rest)?;
        if !self.is_first && order(own, &self.path[shared..]).is_le() {
            return None;
        }
        self.is_first = false;
        self.path.truncate(shared);
        self.path.extend(own);
        // What lies before the last slash that is shared was looked at with the entry before.
        let known = self.path[..shared].iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        if !RootPath::is_clean(&self.path[known..]) || (known > 0 && known == self.path.len()) {
            return None;
        }
        let flags = take(rest, 1)?[0];
        let device = |rest: &mut &[u8]| Some((take_u32(rest)?, take_u32(rest)?));
        let mut offset = 0;
        let kind = match flags & 0x0f {
            0 => {
                let size = take_number(rest)?;
                offset = self.before.at.wrapping_add(unzigzag(take_number(rest)?) as u64);
                self.before.at = offset;
                RawKind::File { size, digest: take(rest, 32)?.try_into().ok()? }
            }
            1 => RawKind::Directory,
            2 => RawKind::Symlink(take_bytes(rest)?),
            3 => RawKind::Hardlink(take_bytes(rest).filter(|target| RootPath::is_clean(target))?),
            4 => device(rest).map(|(major, minor)| RawKind::CharDevice { major, minor })?,
            5 => device(rest).map(|(major, minor)| RawKind::BlockDevice { major, minor })?,
            6 => RawKind::Fifo,
            7 => RawKind::Whiteout,
            8 => RawKind::OpaqueDirectory,
            _ => return None,
        };
        if flags & UNKNOWN != 0 {
            return None;
        }
        if flags & SAME_OWNER == 0 {
            self.before.owner = (take_u32(rest)?, take_u32(rest)?, take_u32(rest)?);
        }
        if flags & SAME_TIME == 0 {
            self.before.mtime = Time { seconds: unzigzag(take_number(rest)?), nanoseconds: take_u32(rest)? };
        }
        let count = if flags & XATTRS == 0 { 0 } else { take_number(rest)? };
        let xattrs = (count, *rest);
        for _ in 0..count {
            take_bytes(rest)?;
            take_bytes(rest)?;
        }
        Some(Raw { kind, offset, xattrs })
    }

    pub(super) fn entry(&mut self) -> Option<(Entry, u64)> {
        let Raw { kind, offset, xattrs: (count, mut stored) } = self.raw()?;
        let path = RootPath::from_clean(&self.path).ok()?;
        let kind = match kind {
            RawKind::File { size, digest } => Kind::File { size, digest: Digest::from_bytes(*digest) },
            RawKind::Directory => Kind::Directory,
            RawKind::Symlink(target) => Kind::Symlink(target.to_vec()),
            RawKind::Hardlink(target) => Kind::Hardlink(RootPath::from_clean(target).ok()?),
            RawKind::CharDevice { major, minor } => Kind::CharDevice { major, minor },
            RawKind::BlockDevice { major, minor } => Kind::BlockDevice { major, minor },
            RawKind::Fifo => Kind::Fifo,
            RawKind::Whiteout => Kind::Whiteout,
            RawKind::OpaqueDirectory => Kind::OpaqueDirectory,
        };
        let mut xattrs = BTreeMap::new();
        for _ in 0..count {
            xattrs.insert(take_bytes(&mut stored)?.to_vec(), take_bytes(&mut stored)?.to_vec());
        }
        let Before { owner: (mode, uid, gid), mtime, .. } = self.before;
        Some((Entry { path, kind, mode, uid, gid, mtime, xattrs }, offset))
    }
}

impl Iterator for ListDecoder<'_> {
    type Item = Result<(Entry, u64), Error>;

    fn next(&mut self) -> Option<Result<(Entry, u64), Error>> {
        if self.left == 0 {
            let is_over = std::mem::take(&mut self.rest).is_empty();
            return (!is_over).then_some(Err(NONSENSE));
        }
        let read = self.entry();
        if read.is_none() {
            (self.left, self.rest) = (0, &[]);
        }
        Some(read.ok_or(NONSENSE))
    }
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(count)?;
    *rest = after;
    Some(taken)
}

fn take_number(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = take(rest, 1)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn take_u32(rest: &mut &[u8]) -> Option<u32> {
    take_number(rest)?.try_into().ok()
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take_number(rest)?).ok()?;
    take(rest, length)
}
