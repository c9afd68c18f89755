//! A layer's entry list.

use std::sync::Arc;

use super::error::Error;
use super::list_decoder::{ListDecoder, RawKind};
use super::list_encoder::{EncodedList, ListEncoder};
use super::list_form::{Before, CUT_OFF, MAGIC, NONSENSE};
use crate::oci::{DiffId, Digest};
use crate::tree::{Entries, Entry, RUN, RootPath};

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

impl EncodedList {
    /// The list.
    pub fn decode(&self) -> LayerList {
        LayerList::of_whole(self.0.clone()).expect("it was encoded in this process")
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
        let mut decoder = ListDecoder::within(rest, left, first, before);
        let entry = |_| decoder.entry().expect("it was read before").0;
        (0..left).map(entry).collect()
    }
}
