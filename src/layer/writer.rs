//! Entries to the canonical tar.

use std::io::{Read, Write};

use super::error::Error;
use super::list::Written;
use crate::tree::Entry;

/// Writes a layer's canonical tar, entry by entry.
pub struct Writer<W: Write> {
    out: W,
}

impl<W: Write> Writer<W> {
    /// A writer into `out`.
    pub fn new(out: W) -> Writer<W> {
        Writer { out }
    }

    /// Appends one entry; `content` for regular files only.
    pub fn entry(&mut self, entry: &Entry, content: Option<&mut dyn Read>) -> Result<(), Error> {
        let _ = (entry, content);
        todo!()
    }

    /// Ends the archive.
    pub fn finish(self) -> Result<(W, Written), Error> {
        let _ = self.out;
        todo!()
    }
}
