//! A layer's entry list, and its stored form.
//!
//! The stored form, version 1: magic, number of entries, the entries, and the SHA-256 of all before it. An entry is its
//! path (bytes shared with the path before, then the rest), a byte of kind and flags, and what the flags do not take over
//! from the entry before. Numbers are LEB128. It is small because neighbours are alike, and quick because nothing is
//! looked up.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::Error;
use crate::oci::{DiffId, Digest};
use crate::tree::{Entry, Kind, RootPath, Time};

/// A layer's entries, with where the bytes of its files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerList {
    /// The entries, sorted by path.
    pub entries: Arc<[Entry]>,
    /// For each entry the offset of its bytes in the uncompressed tar; 0 for what is no regular file.
    pub offsets: Arc<[u64]>,
}

/// A layer as it was written or read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The digest of the uncompressed tar, to its last byte.
    pub diff_id: DiffId,
    /// The size of the uncompressed tar.
    pub size: u64,
    /// What is in it.
    pub list: LayerList,
}

const MAGIC: &[u8; 8] = b"rbuildL\x01";
const SAME_OWNER: u8 = 0x10;
const SAME_TIME: u8 = 0x20;
const XATTRS: u8 = 0x40;

/// The stored form of a list in the making: a layer of many entries is never held as entries only to be stored.
#[derive(Debug)]
pub struct ListEncoder {
    /// The magic and the number of entries come into the gap before the entries.
    out: Vec<u8>,
    count: u64,
    path: Vec<u8>,
    owner: (u32, u32, u32),
    mtime: Time,
    at: u64,
}

/// Room for the magic and a number.
const GAP: usize = MAGIC.len() + 10;

impl Default for ListEncoder {
    fn default() -> ListEncoder {
        ListEncoder {
            out: vec![0; GAP],
            count: 0,
            path: Vec::new(),
            owner: (0o755, 0, 0),
            mtime: Time::default(),
            at: 0,
        }
    }
}

impl ListEncoder {
    /// Appends the next entry.
    pub fn push(&mut self, entry: &Entry, offset: u64) {
        let Entry { path, kind, mode, uid, gid, mtime, xattrs } = entry;
        let (out, path) = (&mut self.out, path.as_bytes());
        let shared = path.iter().zip(&self.path).take_while(|(a, b)| a == b).count();
        number(out, shared as u64);
        bytes(out, &path[shared..]);
        let owner = (*mode, *uid, *gid);
        let (same_owner, same_time) = (owner == self.owner, *mtime == self.mtime);
        let tag = match kind {
            Kind::File { .. } => 0,
            Kind::Directory => 1,
            Kind::Symlink(_) => 2,
            Kind::Hardlink(_) => 3,
            Kind::CharDevice { .. } => 4,
            Kind::BlockDevice { .. } => 5,
            Kind::Fifo => 6,
            Kind::Whiteout => 7,
            Kind::OpaqueDirectory => 8,
        };
        let flag = |set, flag| if set { flag } else { 0 };
        out.push(
            tag | flag(same_owner, SAME_OWNER)
                | flag(same_time, SAME_TIME)
                | flag(!xattrs.is_empty(), XATTRS),
        );
        match kind {
            Kind::File { size, digest } => {
                number(out, *size);
                number(out, zigzag(offset.wrapping_sub(self.at) as i64));
                out.extend(digest.as_bytes());
                self.at = offset;
            }
            Kind::Symlink(target) => bytes(out, target),
            Kind::Hardlink(target) => bytes(out, target.as_bytes()),
            Kind::CharDevice { major, minor } | Kind::BlockDevice { major, minor } => {
                number(out, u64::from(*major));
                number(out, u64::from(*minor));
            }
            Kind::Directory | Kind::Fifo | Kind::Whiteout | Kind::OpaqueDirectory => {}
        }
        if !same_owner {
            [mode, uid, gid].into_iter().for_each(|n| number(out, u64::from(*n)));
        }
        if !same_time {
            number(out, zigzag(mtime.seconds));
            number(out, u64::from(mtime.nanoseconds));
        }
        if !xattrs.is_empty() {
            number(out, xattrs.len() as u64);
            for (name, value) in xattrs {
                bytes(out, name);
                bytes(out, value);
            }
        }
        self.path.truncate(shared);
        self.path.extend(&path[shared..]);
        (self.owner, self.mtime) = (owner, *mtime);
        self.count += 1;
    }

    /// The stored form.
    pub fn finish(self) -> EncodedList {
        let ListEncoder { mut out, count, .. } = self;
        let mut head = MAGIC.to_vec();
        number(&mut head, count);
        let start = GAP - head.len();
        out[start..GAP].copy_from_slice(&head);
        out.drain(..start);
        let digest = Digest::of(&out);
        out.extend(digest.as_bytes());
        EncodedList(out)
    }
}

/// A list in its stored form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedList(Vec<u8>);

impl EncodedList {
    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The list.
    pub fn decode(&self) -> LayerList {
        LayerList::decode(&self.0).expect("it was encoded in this process")
    }
}

impl LayerList {
    /// The stored form.
    pub fn encode(&self) -> Vec<u8> {
        let mut encoder = ListEncoder::default();
        for (entry, offset) in self.entries.iter().zip(self.offsets.iter()) {
            encoder.push(entry, *offset);
        }
        encoder.finish().0
    }

    /// Reads the stored form; a flipped bit is noticed.
    pub fn decode(bytes: &[u8]) -> Result<LayerList, Error> {
        let (body, digest) = bytes.split_last_chunk::<32>().ok_or(Error::List("it is cut off"))?;
        let mut rest = body.strip_prefix(MAGIC).ok_or(Error::List("it is of another version"))?;
        if Digest::of(body).as_bytes() != digest {
            return Err(Error::List("its digest is wrong"));
        }
        decode(&mut rest).ok_or(Error::List("its bytes make no sense"))
    }
}

fn decode(rest: &mut &[u8]) -> Option<LayerList> {
    let count = usize::try_from(take_number(rest)?).ok()?;
    // An entry takes four bytes at least: the count cannot ask for more memory than the bytes are worth.
    let mut entries: Vec<Entry> = Vec::with_capacity(count.min(rest.len() / 4));
    let mut offsets = Vec::with_capacity(count.min(rest.len() / 4));
    let (mut owner, mut mtime, mut at) = ((0o755, 0, 0), Time::default(), 0u64);
    let mut text: Vec<u8> = Vec::new();
    for _ in 0..count {
        let shared = usize::try_from(take_number(rest)?).ok().filter(|shared| *shared <= text.len())?;
        text.truncate(shared);
        text.extend(take_bytes(rest)?);
        let path = RootPath::from_clean(&text).ok()?;
        let flags = take(rest, 1)?[0];
        let device = |rest: &mut &[u8]| Some((take_u32(rest)?, take_u32(rest)?));
        let mut offset = 0;
        let kind = match flags & 0x0f {
            0 => {
                let size = take_number(rest)?;
                at = at.wrapping_add(unzigzag(take_number(rest)?) as u64);
                offset = at;
                let digest = Digest::from_bytes(take(rest, 32)?.try_into().ok()?);
                Kind::File { size, digest }
            }
            1 => Kind::Directory,
            2 => Kind::Symlink(take_bytes(rest)?.to_vec()),
            3 => Kind::Hardlink(RootPath::from_clean(take_bytes(rest)?).ok()?),
            4 => device(rest).map(|(major, minor)| Kind::CharDevice { major, minor })?,
            5 => device(rest).map(|(major, minor)| Kind::BlockDevice { major, minor })?,
            6 => Kind::Fifo,
            7 => Kind::Whiteout,
            8 => Kind::OpaqueDirectory,
            _ => return None,
        };
        if flags & SAME_OWNER == 0 {
            owner = (take_u32(rest)?, take_u32(rest)?, take_u32(rest)?);
        }
        if flags & SAME_TIME == 0 {
            mtime = Time { seconds: unzigzag(take_number(rest)?), nanoseconds: take_u32(rest)? };
        }
        let mut xattrs = BTreeMap::new();
        if flags & XATTRS != 0 {
            for _ in 0..take_number(rest)? {
                let name = take_bytes(rest)?.to_vec();
                xattrs.insert(name, take_bytes(rest)?.to_vec());
            }
        }
        if entries.last().is_some_and(|last| last.path >= path) {
            return None;
        }
        let (mode, uid, gid) = owner;
        entries.push(Entry { path, kind, mode, uid, gid, mtime, xattrs });
        offsets.push(offset);
    }
    rest.is_empty().then(|| LayerList { entries: entries.into(), offsets: offsets.into() })
}

fn number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    number(out, bytes.len() as u64);
    out.extend(bytes);
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
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
