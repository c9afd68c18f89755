//! The files of a layer, written into a directory as the layer comes, before anybody knows whether it is what it should be.
//!
//! It is a chance that is taken: what comes of it counts only if the layer turns out to be what was expected *and* its list
//! has these files, no others, at these places ([`Unpacking::finish`]). An archive in which members replace one another, a
//! full disk, an owner that cannot be had: whatever gets in the way ends the attempt without a word, and the directory is
//! made from the blob, which knows how to say what is wrong.
//!
//! **Invariants**: only directories and regular files are made, so that nothing that an archive holds can lead out of it.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use super::cursor::{Cursor, Parents};
use super::file::create;
use super::flushing::Flushing;
use super::metadata::{Owners, set_fresh};
use super::spares::Fresh;
use super::writers::{Batch, Manner, SMALL, Writers};
use crate::layer::{Files, LayerList};
use crate::tree::{Entry, Kind, RootPath};

const MANNER: Manner = Manner { owners: Owners::Keep, parents: Parents::AreMade };

/// A directory that fills.
pub struct Unpacking {
    // ORDER: dropped first: nobody may write into a directory that is being removed.
    writers: Writers,
    directory: Fresh,
    root: Arc<OwnedFd>,
    batch: Batch,
    now: Now,
    /// What was written and where its bytes are in the tar, in the order of the archive.
    written: Vec<(RootPath, u64)>,
}

/// The file whose bytes are coming.
enum Now {
    /// It is made with all else that has no bytes; or all is given up.
    None,
    /// Into the batch, from there on.
    Small(usize),
    Large(File),
}

impl Unpacking {
    /// Fills `directory`, whose empty upper directory is `root`.
    pub(super) fn new(directory: Fresh, root: OwnedFd, flushing: Arc<Flushing>) -> Unpacking {
        let root = Arc::new(root);
        Unpacking {
            writers: Writers::new(Arc::clone(&root), MANNER, Some(flushing)),
            directory,
            root,
            batch: Batch::default(),
            now: Now::None,
            written: Vec::new(),
        }
    }

    /// The directory, if all files with bytes that `list` has are in it, and nothing but them and directories above them.
    pub(super) fn finish(self, list: &LayerList) -> Option<Fresh> {
        let Unpacking { writers, directory, batch, mut written, .. } = self;
        writers.finish(batch).ok()?;
        written.sort_unstable();
        let entries = list.entries.iter().zip(list.offsets.iter());
        let wanted =
            entries.filter(|(entry, _)| has_bytes(entry)).map(|(entry, offset)| (&entry.path, offset));
        // The bytes at an offset are one member's, whose owner, mode and times the entry has.
        wanted.eq(written.iter().map(|(path, offset)| (path, offset))).then_some(directory)
    }

    fn make_large(&self, entry: &Entry) -> Now {
        let file = create(&mut Cursor::with(self.root.as_fd(), MANNER.parents), entry);
        file.map_err(|error| self.writers.fail(error)).map_or(Now::None, Now::Large)
    }
}

/// Whether a file is written before the rest.
pub(super) fn has_bytes(entry: &Entry) -> bool {
    matches!(entry.kind, Kind::File { size, .. } if size > 0)
}

impl Files for Unpacking {
    fn begin(&mut self, entry: &Entry) {
        self.now = match entry.kind {
            Kind::File { size: 1..=SMALL, .. } if !self.writers.has_failed() => {
                Now::Small(self.batch.bytes.len())
            }
            Kind::File { size: 1.., .. } if !self.writers.has_failed() => self.make_large(entry),
            _ => Now::None,
        };
    }

    fn bytes(&mut self, bytes: &[u8]) {
        match &mut self.now {
            Now::None => {}
            Now::Small(_) => self.batch.bytes.extend_from_slice(bytes),
            Now::Large(file) => {
                if let Err(error) = file.write_all(bytes) {
                    self.writers.fail(super::Error::host("write in", self.directory.directory())(error));
                    self.now = Now::None;
                }
            }
        }
    }

    fn end(&mut self, entry: &Entry, offset: u64) {
        match std::mem::replace(&mut self.now, Now::None) {
            Now::None => return,
            Now::Small(start) => {
                self.batch.push(entry.clone(), None, start);
                if self.batch.is_full() {
                    self.writers.send(&mut self.batch);
                }
            }
            Now::Large(file) => {
                if let Err(error) = set_fresh(file.as_fd(), entry, MANNER.owners) {
                    self.writers.fail(error);
                }
            }
        }
        self.written.push((entry.path.clone(), offset));
    }
}
