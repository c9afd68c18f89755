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
use crate::tree::{Entries, Entry, Kind, RUN, RootPath, Time, order};

/// A layer's entries, with where the bytes of its files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerList {
    /// The entries, sorted by path.
    pub entries: Entries,
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
const UNKNOWN: u8 = 0x80;

/// The stored form of a list in the making: a layer of many entries is never held as entries only to be stored.
#[derive(Debug)]
pub struct ListEncoder {
    /// The magic and the number of entries come into the gap before the entries.
    out: Vec<u8>,
    count: u64,
    path: Vec<u8>,
    before: Before,
}

/// What an entry may leave out because the one before has it.
#[derive(Clone, Copy, Debug)]
struct Before {
    owner: (u32, u32, u32),
    mtime: Time,
    at: u64,
}

impl Default for Before {
    fn default() -> Before {
        Before { owner: (0o755, 0, 0), mtime: Time::default(), at: 0 }
    }
}

/// Room for the magic and a number.
const GAP: usize = MAGIC.len() + 10;

impl Default for ListEncoder {
    fn default() -> ListEncoder {
        ListEncoder { out: vec![0; GAP], count: 0, path: Vec::new(), before: Before::default() }
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
        let (same_owner, same_time) = (owner == self.before.owner, *mtime == self.before.mtime);
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
                number(out, zigzag(offset.wrapping_sub(self.before.at) as i64));
                out.extend(digest.as_bytes());
                self.before.at = offset;
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
        (self.before.owner, self.before.mtime) = (owner, *mtime);
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
        LayerList::of_whole(self.0.clone()).expect("it was encoded in this process")
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
    pub fn decode(bytes: Vec<u8>) -> Result<LayerList, Error> {
        let (body, digest) = bytes.split_last_chunk::<32>().ok_or(CUT_OFF)?;
        if body.starts_with(MAGIC) && Digest::of(body).as_bytes() != digest {
            return Err(Error::List("its digest is wrong"));
        }
        LayerList::of_whole(bytes)
    }

    /// The same of bytes that somebody has found to be those that were stored. All is read once, so that nonsense is met
    /// here; entries are made when somebody asks for them.
    pub fn of_whole(bytes: Vec<u8>) -> Result<LayerList, Error> {
        let mut decoder = ListDecoder::new(&bytes)?;
        let mut entries = Vec::new();
        if decoder.left <= RUN {
            let mut offsets = Vec::new();
            for read in decoder {
                let (entry, offset) = read?;
                entries.push(entry);
                offsets.push(offset);
            }
            return Ok(LayerList { entries: entries.into(), offsets: offsets.into() });
        }
        let mut offsets = Vec::with_capacity(decoder.most());
        let (mut marks, mut firsts, mut opaque) = (Vec::new(), Vec::new(), Vec::new());
        let length = decoder.left;
        while decoder.left > 0 {
            let mark = Mark { from: bytes.len() - 32 - decoder.rest.len(), before: decoder.before };
            let raw = decoder.raw().ok_or(NONSENSE)?;
            if offsets.len().is_multiple_of(RUN) {
                marks.push(mark);
                firsts.push(RootPath::from_clean(&decoder.path).map_err(|_| NONSENSE)?);
            }
            if matches!(raw.kind, RawKind::OpaqueDirectory) {
                opaque.push(offsets.len());
            }
            offsets.push(raw.offset);
        }
        if !decoder.rest.is_empty() {
            return Err(NONSENSE);
        }
        let runs = StoredRuns { bytes, marks, length };
        let make = Box::new(move |number, first: &RootPath| runs.run(number, first));
        Ok(LayerList { entries: Entries::in_runs(length, firsts, opaque, make), offsets: offsets.into() })
    }
}

/// Where a run begins in the stored form, and what the entry before it had.
#[derive(Debug)]
struct Mark {
    from: usize,
    before: Before,
}

/// A stored form that makes sense.
#[derive(Debug)]
struct StoredRuns {
    bytes: Vec<u8>,
    marks: Vec<Mark>,
    length: usize,
}

impl StoredRuns {
    fn run(&self, number: usize, first: &RootPath) -> Vec<Entry> {
        let Mark { from, before } = self.marks[number];
        let rest = &self.bytes[from..self.bytes.len() - 32];
        let left = RUN.min(self.length - number * RUN);
        // What the first path shares with the one before it, it shares with itself.
        let path = first.as_bytes().to_vec();
        let mut decoder = ListDecoder { rest, left, path, before, is_first: true };
        let entry = |_| decoder.entry().expect("it was read before").0;
        (0..left).map(entry).collect()
    }
}

/// Reads the stored form entry by entry, for who needs each of them once, of bytes that somebody has found to be those that
/// were stored. After an error there is no more.
pub struct ListDecoder<'a> {
    rest: &'a [u8],
    left: usize,
    path: Vec<u8>,
    before: Before,
    is_first: bool,
}

/// An entry whose path is the decoder's, with nothing copied.
struct Raw<'a> {
    kind: RawKind<'a>,
    offset: u64,
    /// How many, and where the first is.
    xattrs: (u64, &'a [u8]),
}

enum RawKind<'a> {
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

    /// How many entries there can be: one takes four bytes at least, so that a count alone asks for no memory.
    fn most(&self) -> usize {
        self.left.min(self.rest.len() / 4)
    }

    /// Moves behind the next entry.
    fn raw(&mut self) -> Option<Raw<'a>> {
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
            (take_bytes(rest)?, take_bytes(rest)?);
        }
        Some(Raw { kind, offset, xattrs })
    }

    fn entry(&mut self) -> Option<(Entry, u64)> {
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

const CUT_OFF: Error = Error::List("it is cut off");
const NONSENSE: Error = Error::List("its bytes make no sense");

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
