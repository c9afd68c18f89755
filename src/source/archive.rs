//! A tar as a build context, as a root file system, or inside one.
//!
//! Whatever its encoding, its uncompressed bytes are spooled into a file while its members are listed, so that contents
//! can be read in any order afterwards. Nothing is unpacked.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::error::Error;
use super::tar_header::{Header, header};
use crate::layer::{Encoding, LayerList, Limits, Purpose, Written, decompress, read_for, sniff};
use crate::oci::DiffId;

/// What standard input turned out to hold.
#[derive(Debug)]
pub enum Input {
    /// A tar: a build context.
    Archive(Archive),
    /// Text: a Dockerfile without a context.
    Dockerfile(Vec<u8>),
}

/// A tar that was read and spooled. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Archive {
    /// Its members as they stand there, sorted; offsets are into the uncompressed bytes.
    pub list: LayerList,
    /// The digest of the uncompressed bytes.
    pub diff_id: DiffId,
    /// How many bytes those are.
    pub size: u64,
    pub(super) name: Arc<str>,
    spool: Arc<File>,
}

/// The content of one member.
#[derive(Debug)]
pub struct Content {
    spool: Arc<File>,
    at: u64,
    end: u64,
}

/// LIMIT: our own; the longest Dockerfile seen has some 10^5 bytes.
pub(super) const LONGEST_TEXT: u64 = 16 << 20;

/// Reads a tar in any encoding; `spool` (an empty file, open for reading and writing) gets its uncompressed bytes.
pub fn read_archive(
    name: &str,
    input: Box<dyn Read + Send + '_>,
    spool: File,
    limits: &Limits,
    purpose: Purpose,
) -> Result<Archive, Error> {
    let stream = |source| Error::Stream { name: name.to_string(), source };
    let plain = decompress(input, limits).map_err(stream)?;
    let mut tee = Tee { input: plain, out: BufWriter::with_capacity(1 << 18, &spool), failed: None };
    let written = read_for(purpose, &mut tee, limits);
    if let Some(error) = tee.failed.take() {
        return Err(stream(error));
    }
    tee.out.flush().map_err(stream)?;
    drop(tee);
    let Written { diff_id, size, list } =
        written.map_err(|source| Error::Archive { name: name.to_string(), source })?;
    Ok(Archive { list, diff_id, size, name: name.into(), spool: Arc::new(spool) })
}

/// Reads standard input of `rbuild -`: a tar in any encoding is a context, all else is a Dockerfile.
pub fn read_input(
    name: &str,
    mut input: Box<dyn Read + Send + '_>,
    spool: File,
    limits: &Limits,
) -> Result<Input, Error> {
    let stream = |source| Error::Stream { name: name.to_string(), source };
    let mut head = Vec::new();
    input.by_ref().take(512).read_to_end(&mut head).map_err(stream)?;
    let compressed = sniff(&head) != Encoding::Plain;
    if compressed || header(&head) != Header::None {
        let whole = Box::new(io::Cursor::new(head).chain(input));
        return read_archive(name, whole, spool, limits, Purpose::Layer).map(Input::Archive);
    }
    input.take(LONGEST_TEXT).read_to_end(&mut head).map_err(stream)?;
    if head.len() as u64 > LONGEST_TEXT {
        return Err(Error::Text {
            path: name.to_string(),
            reason: format!("neither a tar nor a Dockerfile: a Dockerfile has at most {LONGEST_TEXT} bytes"),
        });
    }
    Ok(Input::Dockerfile(head))
}

/// Whether ADD unpacks these bytes: a tar, plain or in one of the encodings, whose first header is valid.
pub fn is_archive(input: Box<dyn Read + Send + '_>, limits: &Limits) -> io::Result<bool> {
    // What only looks compressed is a file like any other.
    let harmless = |error: io::Error| match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => Ok(false),
        io::ErrorKind::Other => Ok(false),
        _ => Err(error),
    };
    let plain = match decompress(input, limits) {
        Ok(plain) => plain,
        Err(error) => return harmless(error),
    };
    let mut head = Vec::new();
    match plain.take(512).read_to_end(&mut head) {
        Ok(_) => Ok(header(&head) == Header::Member),
        Err(error) => harmless(error),
    }
}

impl Archive {
    /// The bytes of the member at `index` of the list; none for what is no regular file.
    pub fn content(&self, index: usize) -> Content {
        let size = match self.list.entries[index].kind {
            crate::tree::Kind::File { size, .. } => size,
            _ => 0,
        };
        let at = self.list.offsets[index];
        Content { spool: self.spool.clone(), at, end: at + size }
    }

    /// The uncompressed bytes, all of them.
    pub fn tar(&self) -> Content {
        Content { spool: self.spool.clone(), at: 0, end: self.size }
    }
}

impl Content {
    pub(super) fn new(spool: Arc<File>, at: u64, size: u64) -> Content {
        Content { spool, at, end: at + size }
    }
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        let read = self.spool.read_at(&mut buffer[..wanted], self.at)?;
        if read == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the spooled archive is cut short"));
        }
        self.at += read as u64;
        Ok(read)
    }
}

/// Copies what is read. A full disk is told apart from a damaged archive.
struct Tee<'a, R> {
    input: R,
    out: BufWriter<&'a File>,
    failed: Option<io::Error>,
}

impl<R: Read> Read for Tee<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        if let Err(error) = self.out.write_all(&buffer[..read]) {
            self.failed = Some(error);
            return Err(io::Error::other("the archive cannot be spooled"));
        }
        Ok(read)
    }
}
