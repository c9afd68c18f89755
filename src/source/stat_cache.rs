//! The stat cache: digests of files by the stamps they had when they were read.
//!
//! One sorted run of records, read once from front to back beside a scan that is in the same order: no map is built.
//! Whoever keeps the bytes notices when they are damaged; another version means that everything is read again, and so does
//! the rest of what makes no sense.

use std::cmp::Ordering;

use super::walk::{Stamp, Stat};
use crate::oci::Digest;

/// Raised when the form of a record changes.
const MAGIC: &[u8; 8] = b"rbstat\x00\x02";
const FIXED: usize = 4 + 8 + 8 + 8 + 12 + 12 + 32;

/// What is known of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) device: (u32, u32),
    pub(super) inode: u64,
    pub(super) size: u64,
    pub(super) mtime: Stamp,
    pub(super) ctime: Stamp,
    pub(super) digest: Digest,
}

impl Record {
    pub(super) fn new(stat: &Stat, digest: Digest) -> Record {
        let Stat { device, inode, mode: _, size, mtime, ctime } = *stat;
        Record { device, inode, size, mtime, ctime, digest }
    }

    /// Whether this is what `stat` looks at. The change time tells what a restored modification time hides.
    pub(super) fn is_of(&self, stat: &Stat) -> bool {
        *self == Record::new(stat, self.digest)
    }
}

/// Reads a cache from front to back.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    path: Vec<u8>,
    record: Option<Record>,
}

impl<'a> Reader<'a> {
    /// A reader before the first record; before the end if the bytes are none of this version.
    pub(super) fn new(bytes: Option<&'a [u8]>) -> Reader<'a> {
        let records = bytes.and_then(|bytes| bytes.strip_prefix(MAGIC.as_slice()));
        let mut reader = Reader { rest: records.unwrap_or_default(), path: Vec::new(), record: None };
        reader.advance();
        reader
    }

    /// The record at hand.
    pub(super) fn current(&self) -> Option<(&[u8], &Record)> {
        self.record.as_ref().map(|record| (self.path.as_slice(), record))
    }

    /// Goes on to the next record.
    pub(super) fn advance(&mut self) {
        self.record = self.decode();
    }

    fn decode(&mut self) -> Option<Record> {
        let shared = usize::from(u16::from_le_bytes(self.take()?));
        let suffix = usize::from(u16::from_le_bytes(self.take()?));
        let (name, rest) = self.rest.split_at_checked(suffix)?;
        self.rest = rest;
        self.path.truncate(shared);
        self.path.extend_from_slice(name);
        let device = (u32::from_le_bytes(self.take()?), u32::from_le_bytes(self.take()?));
        let inode = u64::from_le_bytes(self.take()?);
        let size = u64::from_le_bytes(self.take()?);
        let mtime = self.stamp()?;
        let ctime = self.stamp()?;
        let digest = Digest::from_bytes(self.take()?);
        Some(Record { device, inode, size, mtime, ctime, digest })
    }

    fn stamp(&mut self) -> Option<Stamp> {
        Some(Stamp {
            seconds: i64::from_le_bytes(self.take()?),
            nanoseconds: u32::from_le_bytes(self.take()?),
        })
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*taken)
    }
}

/// Writes a cache, record by record, in the order of paths.
pub(super) struct Writer {
    bytes: Vec<u8>,
    last: Vec<u8>,
    pub(super) records: usize,
}

impl Writer {
    /// A writer that expects about so many records.
    pub(super) fn new(records: usize) -> Writer {
        let mut bytes = Vec::with_capacity(MAGIC.len() + records * (FIXED + 24));
        bytes.extend_from_slice(MAGIC);
        Writer { bytes, last: Vec::new(), records: 0 }
    }

    /// Appends a record.
    pub(super) fn push(&mut self, path: &[u8], record: &Record) {
        let Record { device, inode, size, mtime, ctime, digest } = record;
        let shared = path.iter().zip(&self.last).take_while(|(a, b)| a == b).count();
        // LIMIT: a scan stops at PATH_MAX, so that lengths fit 16 bits.
        self.bytes.extend_from_slice(&(shared as u16).to_le_bytes());
        self.bytes.extend_from_slice(&((path.len() - shared) as u16).to_le_bytes());
        self.bytes.extend_from_slice(&path[shared..]);
        self.bytes.extend_from_slice(&device.0.to_le_bytes());
        self.bytes.extend_from_slice(&device.1.to_le_bytes());
        self.bytes.extend_from_slice(&inode.to_le_bytes());
        self.bytes.extend_from_slice(&size.to_le_bytes());
        for stamp in [mtime, ctime] {
            self.bytes.extend_from_slice(&stamp.seconds.to_le_bytes());
            self.bytes.extend_from_slice(&stamp.nanoseconds.to_le_bytes());
        }
        self.bytes.extend_from_slice(digest.as_bytes());
        self.last.clear();
        self.last.extend_from_slice(path);
        self.records += 1;
    }

    /// The bytes.
    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// The order of paths: component by component.
pub(super) fn order(one: &[u8], other: &[u8]) -> Ordering {
    if one == other {
        return Ordering::Equal;
    }
    let rank = |b: &u8| if *b == b'/' { 0 } else { *b };
    one.iter().map(rank).cmp(other.iter().map(rank))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u64) -> Record {
        let stamp = Stamp { seconds: -(number as i64), nanoseconds: number as u32 };
        let digest = Digest::of(&number.to_le_bytes());
        Record { device: (8, 1), inode: number, size: number * 3, mtime: stamp, ctime: stamp, digest }
    }

    fn written() -> Vec<u8> {
        let mut writer = Writer::new(3);
        for (number, path) in [b"a".as_slice(), b"a/b", b"a/\xff\xfe", b"z"].into_iter().enumerate() {
            writer.push(path, &record(number as u64));
        }
        writer.finish()
    }

    fn read(bytes: &[u8]) -> Vec<(Vec<u8>, Record)> {
        let mut reader = Reader::new(Some(bytes));
        let mut all = Vec::new();
        while let Some((path, record)) = reader.current() {
            all.push((path.to_vec(), *record));
            reader.advance();
        }
        all
    }

    #[test]
    fn what_is_written_is_read_in_order() {
        let all = read(&written());
        assert_eq!(all.len(), 4);
        assert_eq!(all[2], (b"a/\xff\xfe".to_vec(), record(2)));
    }

    #[test]
    fn another_version_is_empty_and_no_cut_makes_a_record_up() {
        let bytes = written();
        let all = read(&bytes);
        for length in 0..bytes.len() {
            let some = read(&bytes[..length]);
            assert!(some.len() < all.len());
            assert_eq!(some, all[..some.len()], "length {length}");
        }
        for at in 0..MAGIC.len() {
            let mut other = bytes.clone();
            other[at] ^= 4;
            assert_eq!(read(&other), [], "byte {at}");
        }
    }

    #[test]
    fn every_field_of_a_stat_tells_a_change() {
        let stamp = |n| Stamp { seconds: 5, nanoseconds: n };
        let stat = Stat { device: (8, 1), inode: 2, mode: 0o644, size: 3, mtime: stamp(4), ctime: stamp(5) };
        let record = Record::new(&stat, Digest::of(b""));
        assert!(record.is_of(&stat));
        for changed in [
            Stat { device: (8, 2), ..stat },
            Stat { inode: 3, ..stat },
            Stat { size: 4, ..stat },
            Stat { mtime: stamp(5), ..stat },
            Stat { ctime: stamp(6), ..stat },
        ] {
            assert!(!record.is_of(&changed));
        }
        assert!(record.is_of(&Stat { mode: 0o600, ..stat }), "the mode is no part of the content");
    }
}
