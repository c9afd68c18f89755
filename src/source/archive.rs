//! A tar as a build context, as a root file system, or inside one.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use super::error::Error;
use super::modes::ContextModes;
use crate::layer::{LayerList, Limits};
use crate::oci::{DiffId, Epoch};
use crate::tree::{Entry, Patterns};

/// What standard input turned out to hold.
#[derive(Debug)]
pub enum Input {
    /// A tar: a build context.
    Archive(Archive),
    /// Text: a Dockerfile without a context.
    Dockerfile(Vec<u8>),
}

/// A tar that was read and spooled, uncompressed.
#[derive(Clone, Debug)]
pub struct Archive {
    /// Its members as they stand there, sorted; offsets are into the spooled file.
    pub list: LayerList,
    /// The digest of the uncompressed bytes.
    pub diff_id: DiffId,
    /// How many bytes those are.
    pub size: u64,
}

/// The content of one member.
#[derive(Debug)]
pub struct Content {}

/// Reads a tar in any encoding; `spool` (an empty file, open for reading and writing) gets its uncompressed bytes.
pub fn read_archive(
    name: &str,
    input: Box<dyn Read + Send + '_>,
    spool: File,
    limits: &Limits,
) -> Result<Archive, Error> {
    let _ = (name, input, spool, limits);
    todo!()
}

/// Reads standard input of `rbuild -`: a tar in any encoding is a context, all else is a Dockerfile.
pub fn read_input(
    name: &str,
    input: Box<dyn Read + Send + '_>,
    spool: File,
    limits: &Limits,
) -> Result<Input, Error> {
    let _ = (name, input, spool, limits);
    todo!()
}

/// Whether ADD unpacks these bytes: a tar, plain or in one of the encodings, whose first header is valid.
pub fn is_archive(input: Box<dyn Read + Send + '_>, limits: &Limits) -> io::Result<bool> {
    let _ = (input, limits);
    todo!()
}

impl Archive {
    /// The archive as a build context: entries normalised as those of a directory are, and how many lost permission
    /// bits. The second part says for each entry which member holds its bytes.
    pub fn context(
        &self,
        ignore: &Patterns,
        modes: ContextModes,
        epoch: Option<Epoch>,
    ) -> Result<(Arc<[Entry]>, Vec<usize>, usize), Error> {
        let _ = (ignore, modes, epoch);
        todo!()
    }

    /// The bytes of the member at `index` of the list.
    pub fn content(&self, index: usize) -> Content {
        let _ = index;
        todo!()
    }
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let _ = buffer;
        todo!()
    }
}
