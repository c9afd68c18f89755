//! Where a cache is: what a registry and a directory have in common.

use std::fs::File;
use std::io;

use super::document::Document;
use super::error::Error;
use crate::oci::{Digest, Digesting};

/// A cache, wherever it is.
pub trait Place: Send + Sync {
    /// As the user wrote it.
    fn name(&self) -> String;

    /// What it says; [`Error::None`] if there is no cache.
    fn load(&self) -> Result<Document, Error>;

    /// What it says to who is about to add to it: nothing where nothing is, or where nobody can read it. An error if what is
    /// there is something else, which a cache must not replace.
    fn current(&self) -> Result<Document, Error>;

    /// Writes a blob to `out`: when this returns, size and digest were right.
    fn fetch(
        &self,
        blob: &Digest,
        size: u64,
        out: &mut dyn Digesting,
        progress: &dyn Fn(u64),
        canceled: &dyn Fn() -> bool,
    ) -> Result<(), Error>;

    /// Sees to it that it has a blob; whether it had to be sent.
    fn put(&self, upload: &Upload<'_>, canceled: &(dyn Fn() -> bool + Sync)) -> Result<bool, Error>;

    /// Adds what `new` says, whose blobs it has. Whether there was anything to add.
    fn publish(&self, new: &Document, canceled: &(dyn Fn() -> bool + Sync)) -> Result<bool, Error>;

    /// `registry/repository`, if it is one.
    fn repository(&self) -> Option<String>;
}

/// A blob on its way into a cache.
pub struct Upload<'a> {
    /// Its digest.
    pub digest: Digest,
    /// Its size.
    pub size: u64,
    /// Places (`registry/repository`) that may have it.
    pub from: Vec<String>,
    /// Its bytes, made when they are needed.
    pub open: &'a (dyn Fn() -> io::Result<Bytes> + Sync),
}

/// The bytes of a blob.
pub enum Bytes {
    /// In memory.
    Memory(Vec<u8>),
    /// In a file, from its start.
    File(File),
}
