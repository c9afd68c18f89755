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
use crate::tree::{Entry, Kind, RootPath, Time, order};

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
        let decoder = ListDecoder::new(bytes)?;
        let mut entries: Vec<Entry> = Vec::with_capacity(decoder.most());
        let mut offsets = Vec::with_capacity(decoder.most());
        for read in decoder {
            let (entry, offset) = read?;
            entries.push(entry);
            offsets.push(offset);
        }
        Ok(LayerList { entries: entries.into(), offsets: offsets.into() })
    }
}

/// Reads the stored form entry by entry, for who needs each of them once. After an error there is no more.
pub struct ListDecoder<'a> {
    rest: &'a [u8],
    left: usize,
    path: Vec<u8>,
    owner: (u32, u32, u32),
    mtime: Time,
    at: u64,
    is_first: bool,
}

impl<'a> ListDecoder<'a> {
    /// A flipped bit is noticed here, before anything is read.
    pub fn new(bytes: &'a [u8]) -> Result<ListDecoder<'a>, Error> {
        let (body, digest) = bytes.split_last_chunk::<32>().ok_or(Error::List("it is cut off"))?;
        let mut rest = body.strip_prefix(MAGIC).ok_or(Error::List("it is of another version"))?;
        if Digest::of(body).as_bytes() != digest {
            return Err(Error::List("its digest is wrong"));
        }
        let left = take_number(&mut rest).and_then(|left| usize::try_from(left).ok()).ok_or(NONSENSE)?;
        let (owner, mtime) = ((0o755, 0, 0), Time::default());
        Ok(ListDecoder { rest, left, path: Vec::new(), owner, mtime, at: 0, is_first: true })
    }

    /// How many entries there can be: one takes four bytes at least, so that a count alone asks for no memory.
    fn most(&self) -> usize {
        self.left.min(self.rest.len() / 4)
    }

    fn entry(&mut self) -> Option<(Entry, u64)> {
        let rest = &mut self.rest;
        let shared = usize::try_from(take_number(rest)?).ok().filter(|shared| *shared <= self.path.len())?;
        let own = take_bytes(rest)?;
        if !self.is_first && order(own, &self.path[shared..]).is_le() {
            return None;
        }
        self.is_first = false;
        self.path.truncate(shared);
        self.path.extend(own);
        let path = RootPath::from_clean(&self.path).ok()?;
        let flags = take(rest, 1)?[0];
        let device = |rest: &mut &[u8]| Some((take_u32(rest)?, take_u32(rest)?));
        let mut offset = 0;
        let kind = match flags & 0x0f {
            0 => {
                let size = take_number(rest)?;
                self.at = self.at.wrapping_add(unzigzag(take_number(rest)?) as u64);
                offset = self.at;
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
            self.owner = (take_u32(rest)?, take_u32(rest)?, take_u32(rest)?);
        }
        if flags & SAME_TIME == 0 {
            self.mtime = Time { seconds: unzigzag(take_number(rest)?), nanoseconds: take_u32(rest)? };
        }
        let mut xattrs = BTreeMap::new();
        if flags & XATTRS != 0 {
            for _ in 0..take_number(rest)? {
                let name = take_bytes(rest)?.to_vec();
                xattrs.insert(name, take_bytes(rest)?.to_vec());
            }
        }
        let (mode, uid, gid) = self.owner;
        Some((Entry { path, kind, mode, uid, gid, mtime: self.mtime, xattrs }, offset))
    }
}

const NONSENSE: Error = Error::List("its bytes make no sense");

impl Iterator for ListDecoder<'_> {
    type Item = Result<(Entry, u64), Error>;

    fn next(&mut self) -> Option<Result<(Entry, u64), Error>> {
        if self.left == 0 {
            let is_over = std::mem::take(&mut self.rest).is_empty();
            return (!is_over).then_some(Err(NONSENSE));
        }
        self.left -= 1;
        let read = self.entry();
        if read.is_none() {
            (self.left, self.rest) = (0, &[]);
        }
        Some(read.ok_or(NONSENSE))
    }
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
