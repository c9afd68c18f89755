//! Images into one tar: an image layout, with docker's list beside it if it is for docker.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::PathBuf;

use tar::{EntryType, Header};

use super::entries::{docker_list, entries, render};
use super::error::Error;
use super::mover::Mover;
use super::origin::Origin;
use super::spool::spool;
use super::target::Target;
use super::whole::{Blob, Whole};
use crate::export::{Destination, Sink};
use crate::image::{Document, blob_path, layout_marker};
use crate::oci::{Digest, descriptor_digest};

/// Which tools an archive is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// An image layout and nothing else.
    Oci,
    /// With docker's `manifest.json` beside it.
    Docker,
}

/// An archive under way.
pub(super) struct ArchiveTarget<'out> {
    sink: Sink<'out>,
    scratch: PathBuf,
    dialect: Dialect,
    written: BTreeSet<Digest>,
}

/// LIMIT: files that wait for their turn, fetched beside each other.
const AHEAD: usize = 4;

impl<'out> ArchiveTarget<'out> {
    /// Begins an archive.
    pub fn new(
        to: &Destination,
        dialect: Dialect,
        scratch: PathBuf,
        stdout: &'out mut dyn Write,
    ) -> Result<ArchiveTarget<'out>, Error> {
        let sink = Sink::open(to, stdout)?;
        let mut target = ArchiveTarget { sink, scratch, dialect, written: BTreeSet::new() };
        target.put("oci-layout", layout_marker())?;
        for path in ["blobs/", "blobs/sha256/"] {
            target.header(path, EntryType::Directory, 0)?;
        }
        Ok(target)
    }

    fn put(&mut self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        self.header(path, EntryType::Regular, bytes.len() as u64)?;
        self.write(bytes)?;
        self.pad(bytes.len() as u64)
    }

    fn header(&mut self, path: &str, kind: EntryType, size: u64) -> Result<(), Error> {
        let mut header = Header::new_ustar();
        header.set_path(path).map_err(|e| self.sink.error(e))?;
        header.set_entry_type(kind);
        header.set_mode(if kind == EntryType::Directory { 0o755 } else { 0o644 });
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(size);
        header.set_cksum();
        self.write(header.as_bytes())
    }

    fn pad(&mut self, size: u64) -> Result<(), Error> {
        self.write(&[0; 512][..((512 - size % 512) % 512) as usize])
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        Ok(self.sink.write_all(bytes).map_err(|e| self.sink.error(e))?)
    }

    fn put_blob(
        &mut self,
        blob: &Blob,
        fill: impl FnOnce(&mut dyn Write) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.header(&blob_path(&blob.digest), EntryType::Regular, blob.descriptor.size())?;
        // An error of the archive is told as one, whoever was writing.
        let mut out = Telling { sink: &mut self.sink, failed: None };
        let filled = fill(&mut out);
        if let Some(failed) = out.failed {
            return Err(self.sink.error(failed).into());
        }
        filled?;
        self.pad(blob.descriptor.size())
    }
}

struct Telling<'a, 'out> {
    sink: &'a mut Sink<'out>,
    failed: Option<std::io::Error>,
}

impl Write for Telling<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.sink.write(bytes).map_err(|e| {
            let told = std::io::Error::from(e.kind());
            self.failed = Some(e);
            told
        })
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.sink.flush()
    }
}

impl Target for ArchiveTarget<'_> {
    fn blobs(&mut self, blobs: &[Blob], from: &dyn Origin, by: &Mover<'_>) -> Result<(), Error> {
        let new: Vec<&Blob> = blobs.iter().filter(|blob| self.written.insert(blob.digest)).collect();
        if !from.is_remote() {
            for blob in new {
                by.go_on()?;
                let told = by.told(blob.digest, blob.descriptor.size());
                self.put_blob(blob, |out| from.blob(&blob.descriptor, out, &told))?;
            }
            return Ok(());
        }
        let scratch = self.scratch.clone();
        for some in new.chunks(AHEAD) {
            let files = by.in_parallel(some, |blob| spool(blob, from, &scratch, by))?;
            for (blob, file) in some.iter().zip(files) {
                let failed = Error::io("read a file in", &scratch);
                self.put_blob(blob, |out| {
                    let size = blob.descriptor.size();
                    std::io::copy(&mut file.take(size), out).map(drop).map_err(failed)
                })?;
            }
        }
        Ok(())
    }

    fn document(&mut self, document: &Document) -> Result<(), Error> {
        let digest = descriptor_digest(&document.descriptor)?;
        if self.written.insert(digest) {
            self.put(&blob_path(&digest), &document.bytes)?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, images: &[Whole], _: &Mover<'_>) -> Result<(), Error> {
        if self.dialect == Dialect::Docker {
            self.put("manifest.json", &docker_list(images)?)?;
        }
        let mut all = Vec::new();
        for image in images {
            for entry in entries(image) {
                if !all.contains(&entry) {
                    all.push(entry);
                }
            }
        }
        self.put("index.json", &render(Vec::new(), all))?;
        self.write(&[0; 1024])?;
        Ok(self.sink.finish()?)
    }
}
