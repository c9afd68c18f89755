//! Entries to the canonical tar.

use std::io::{Read, Write};

use super::error::Error;
use super::header::{self, BLOCK};
use super::list::{LayerList, Written};
use crate::oci::{DiffId, Hasher};
use crate::tree::{Entry, Kind, RootPath};

/// LIMIT: bytes gathered before they are hashed and written; content is read straight into the gap.
const BUFFER: usize = 256 << 10;

/// Writes a layer's canonical tar, entry by entry, in one pass.
///
/// **Invariants**, each checked: entries come sorted by path, each path once; nothing lies below what is no directory; a
/// hard link names a regular file that was written before it; the bytes of a file are as many as, and have the digest
/// that, its entry says. After an error the writer is good for nothing.
pub struct Writer<W: Write> {
    out: W,
    buffer: Vec<u8>,
    /// Bytes that have left the buffer.
    written: u64,
    hasher: Hasher,
    entries: Vec<Entry>,
    offsets: Vec<u64>,
}

impl<W: Write> Writer<W> {
    /// A writer into `out`, which gets large pieces.
    pub fn new(out: W) -> Writer<W> {
        Writer {
            out,
            buffer: Vec::with_capacity(BUFFER),
            written: 0,
            hasher: Hasher::new(),
            entries: Vec::new(),
            offsets: Vec::new(),
        }
    }

    /// Appends one entry, with the content of a regular file (not needed for an empty one). The fraction of a second in
    /// its time is dropped.
    pub fn entry(&mut self, entry: &Entry, content: Option<&mut dyn Read>) -> Result<(), Error> {
        let wrong = |reason| Error::Entry { path: entry.path.clone(), reason };
        self.check(entry).map_err(wrong)?;
        header::append(&mut self.buffer, entry).map_err(wrong)?;
        let mut offset = 0;
        match (&entry.kind, content) {
            (Kind::File { .. }, Some(content)) => {
                offset = self.position();
                self.content(entry, content)?;
            }
            (Kind::File { size: 0, .. }, None) => {
                offset = self.position();
                self.content(entry, &mut std::io::empty())?;
            }
            (Kind::File { .. }, None) => return Err(wrong("a regular file came without its content")),
            (_, None) => {}
            (_, Some(_)) => return Err(wrong("only a regular file has content")),
        }
        self.record(entry, offset)
    }

    /// Notes an entry that was written.
    fn record(&mut self, entry: &Entry, offset: u64) -> Result<(), Error> {
        if self.buffer.len() >= BUFFER / 2 {
            self.flush()?;
        }
        let mut recorded = entry.clone();
        recorded.mode = header::mode(entry);
        recorded.mtime.nanoseconds = 0;
        self.entries.push(recorded);
        self.offsets.push(offset);
        Ok(())
    }

    /// Appends one regular file, not a large one, whose bytes need not be hashed: `content` appends them if it can vouch
    /// for them. If it cannot, nothing is written, and this is false.
    pub fn settled(
        &mut self,
        entry: &Entry,
        content: &mut dyn FnMut(&mut Vec<u8>) -> bool,
    ) -> Result<bool, Error> {
        let wrong = |reason| Error::Entry { path: entry.path.clone(), reason };
        let Kind::File { size, .. } = entry.kind else {
            return Err(wrong("only a regular file has content"));
        };
        self.check(entry).map_err(wrong)?;
        let before = self.buffer.len();
        header::append(&mut self.buffer, entry).map_err(wrong)?;
        let (start, offset) = (self.buffer.len(), self.position());
        if !content(&mut self.buffer) {
            self.buffer.truncate(before);
            return Ok(false);
        }
        if (self.buffer.len() - start) as u64 != size {
            return Err(Error::Changed { path: entry.path.clone() });
        }
        header::pad(&mut self.buffer, size);
        self.record(entry, offset)?;
        Ok(true)
    }

    /// Ends the archive: two blocks of zeros, and no more.
    pub fn finish(mut self) -> Result<(W, Written), Error> {
        self.buffer.resize(self.buffer.len() + 2 * BLOCK, 0);
        self.flush()?;
        let list = LayerList { entries: self.entries.into(), offsets: self.offsets.into() };
        Ok((self.out, Written { diff_id: DiffId(self.hasher.finish()), size: self.written, list }))
    }

    fn position(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    fn check(&self, entry: &Entry) -> Result<(), &'static str> {
        if let Some(last) = self.entries.last() {
            if entry.path <= last.path {
                return Err("entries must come in order, each path once");
            }
            if !last.is_directory() && entry.path.is_below(&last.path) {
                return Err("its parent is not a directory");
            }
        }
        if entry.path.is_root() && entry.kind != Kind::Directory {
            return Err("the root must be a directory");
        }
        if header::is_whiteout_name(&entry.path) {
            return Err("a file name that begins with .wh. cannot be stored in a layer; rename or remove it");
        }
        if let Kind::Hardlink(target) = &entry.kind
            && !self.is_file(target)
        {
            return Err("a hard link must name a regular file that is earlier in the same layer");
        }
        Ok(())
    }

    fn is_file(&self, path: &RootPath) -> bool {
        let found = self.entries.binary_search_by(|entry| entry.path.cmp(path));
        found.is_ok_and(|at| matches!(self.entries[at].kind, Kind::File { .. }))
    }

    fn content(&mut self, entry: &Entry, content: &mut dyn Read) -> Result<(), Error> {
        let Kind::File { size, digest } = &entry.kind else { unreachable!("the caller has a file") };
        let changed = || Error::Changed { path: entry.path.clone() };
        let failed = |source| Error::Content { path: entry.path.clone(), source };
        let mut hasher = Hasher::new();
        let mut rest = *size;
        while rest > 0 {
            if self.buffer.len() >= BUFFER {
                self.flush()?;
            }
            let start = self.buffer.len();
            let room = rest.min((BUFFER - start) as u64);
            // Reading to the end of a `Take` appends without first filling the room with zeros.
            let read = (&mut *content).take(room).read_to_end(&mut self.buffer).map_err(failed)? as u64;
            hasher.update(&self.buffer[start..]);
            rest -= read;
            if read < room {
                return Err(changed());
            }
        }
        let more = content.take(1).read_to_end(&mut Vec::new()).map_err(failed)?;
        if more > 0 || hasher.finish() != *digest {
            return Err(changed());
        }
        header::pad(&mut self.buffer, *size);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.hasher.update(&self.buffer);
        self.out.write_all(&self.buffer).map_err(Error::Write)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}
