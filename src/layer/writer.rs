//! Entries to the canonical tar.

use std::io::{Read, Write};

use super::error::Error;
use super::header::{self, BLOCK};
use super::list::Written;
use super::list_encoder::{EncodedList, ListEncoder};
use crate::oci::{DiffId, Hasher, Hashing};
use crate::tree::{Entry, Kind, RootPath, Time};

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
    list: ListEncoder,
    last: Option<(RootPath, bool)>,
    files: Files,
}

/// The paths of regular files, in order, end to end: what a hard link may name.
#[derive(Default)]
struct Files {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Files {
    fn push(&mut self, path: &RootPath) {
        self.bytes.extend(path.as_bytes());
        self.ends.push(self.bytes.len());
    }

    fn holds(&self, path: &RootPath) -> bool {
        let start = |at: usize| if at == 0 { 0 } else { self.ends[at - 1] };
        let (mut low, mut high) = (0, self.ends.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let there = RootPath::from_clean(&self.bytes[start(middle)..self.ends[middle]]);
            match there.expect("it was a path").cmp(path) {
                std::cmp::Ordering::Equal => return true,
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        false
    }
}

impl<W: Write> Writer<Hashing<W>> {
    /// A writer into `out`, which gets large pieces.
    pub fn new(out: W) -> Writer<Hashing<W>> {
        Writer::onto(Hashing::new(out))
    }

    /// Ends the archive: two blocks of zeros, and no more.
    pub fn finish(self) -> Result<(W, Written), Error> {
        let (hashing, list) = self.end()?;
        let (out, digest, size) = hashing.finish();
        Ok((out, Written { diff_id: DiffId(digest), size, list: list.decode() }))
    }
}

impl<W: Write> Writer<W> {
    /// The same for an `out` that hashes what it gets, or hands it to who does.
    pub fn onto(out: W) -> Writer<W> {
        Writer {
            out,
            buffer: Vec::with_capacity(BUFFER),
            written: 0,
            list: ListEncoder::default(),
            last: None,
            files: Files::default(),
        }
    }

    /// Appends one entry, with the content of a regular file (not needed for an empty one). The fraction of a second in
    /// its time is dropped.
    pub fn entry(&mut self, entry: &Entry, content: Option<&mut dyn Read>) -> Result<(), Error> {
        self.append(entry, content, &mut |_, _| {})
    }

    /// Appends one regular file, and before its content tells `begin` where in the tar that begins.
    pub fn told(
        &mut self,
        entry: &Entry,
        content: &mut dyn Read,
        begin: &mut dyn FnMut(&mut W, u64),
    ) -> Result<(), Error> {
        self.append(entry, Some(content), begin)
    }

    fn append(
        &mut self,
        entry: &Entry,
        content: Option<&mut dyn Read>,
        begin: &mut dyn FnMut(&mut W, u64),
    ) -> Result<(), Error> {
        let wrong = |reason| Error::Entry { path: entry.path.clone(), reason };
        self.check(entry).map_err(wrong)?;
        header::append(&mut self.buffer, entry).map_err(wrong)?;
        let mut offset = 0;
        match (&entry.kind, content) {
            (Kind::File { .. }, Some(content)) => {
                offset = self.position();
                begin(&mut self.out, offset);
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
        if matches!(entry.kind, Kind::File { .. }) {
            self.files.push(&entry.path);
        }
        let (mode, mtime) = (header::mode(entry), Time::from_seconds(entry.mtime.seconds));
        if (mode, mtime) == (entry.mode, entry.mtime) {
            self.list.push(entry, offset);
        } else {
            self.list.push(&Entry { mode, mtime, ..entry.clone() }, offset);
        }
        self.last = Some((entry.path.clone(), entry.is_directory()));
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
    pub fn end(mut self) -> Result<(W, EncodedList), Error> {
        self.buffer.resize(self.buffer.len() + 2 * BLOCK, 0);
        self.flush()?;
        Ok((self.out, self.list.finish()))
    }

    fn position(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    fn check(&self, entry: &Entry) -> Result<(), &'static str> {
        if let Some((last, is_directory)) = &self.last {
            if entry.path <= *last {
                return Err("entries must come in order, each path once");
            }
            if !is_directory && entry.path.is_below(last) {
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
            && !self.files.holds(target)
        {
            return Err("a hard link must name a regular file that is earlier in the same layer");
        }
        Ok(())
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
        self.out.write_all(&self.buffer).map_err(Error::Write)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}
