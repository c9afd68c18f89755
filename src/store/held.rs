//! Small files that are whole in memory and wait for their names.
//!
//! What a RUN leaves is written while the next process runs: whoever waits for that has time, and nothing else does.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::error::Error;
use super::frame::Kind;
use super::lock::locked;
use crate::oci::Digest;

/// A file that is to be written.
#[derive(Debug)]
pub struct HeldFile {
    /// The name that it will have.
    pub path: PathBuf,
    /// What it is.
    pub content: Content,
}

/// What is to be written.
#[derive(Debug)]
pub enum Content {
    /// A blob.
    Blob(Digest, Vec<u8>),
    /// A document, of that name.
    Document(Kind, String, Vec<u8>),
}

/// Files in the order in which they are to be written.
#[derive(Debug, Default)]
pub struct Held {
    files: Mutex<VecDeque<Arc<HeldFile>>>,
    // Who writes does so alone: who looks for one of the files waits until it is there.
    writing: Mutex<()>,
}

impl Held {
    /// Adds a file.
    pub fn push(&self, path: PathBuf, content: Content) {
        locked(&self.files).push_back(Arc::new(HeldFile { path, content }));
    }

    /// Whether a file of that name waits.
    pub fn has(&self, path: &Path) -> bool {
        locked(&self.files).iter().any(|file| file.path == path)
    }

    /// Has each file written; what cannot be written waits on, and what comes after it.
    pub fn each(&self, mut write: impl FnMut(&HeldFile) -> Result<(), Error>) -> Result<(), Error> {
        let _alone = locked(&self.writing);
        loop {
            let Some(file) = locked(&self.files).front().cloned() else { return Ok(()) };
            write(&file)?;
            // ORDER: it waits until it is there, so that nobody looks for it in between.
            locked(&self.files).pop_front();
        }
    }
}
