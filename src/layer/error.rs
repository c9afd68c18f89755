//! What can go wrong with a layer.

use std::io;

use crate::tree::RootPath;

/// A layer that cannot be written, or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes of a file are not those that its entry promises.
    #[error("{path}: changed while it was read; nothing was stored")]
    Changed {
        /// The file.
        path: RootPath,
    },
    /// Reading the content of a file failed.
    #[error("cannot read the content of {path}")]
    Content {
        /// The file.
        path: RootPath,
        /// Why.
        source: io::Error,
    },
    /// Entries out of order, or one that no layer can hold.
    #[error("{path}: {reason}")]
    Entry {
        /// The entry.
        path: RootPath,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Writing failed.
    #[error("cannot write the layer")]
    Write(#[source] io::Error),
    /// Reading failed.
    #[error("cannot read the layer")]
    Read(#[source] io::Error),
    /// The archive is damaged.
    #[error("damaged tar at byte {offset}: {reason}")]
    Damaged {
        /// Where in the uncompressed tar.
        offset: u64,
        /// What is wrong.
        reason: &'static str,
    },
    /// The archive asks for what is not done.
    #[error("{path}: {reason}")]
    Refused {
        /// The member, by the name in the archive.
        path: String,
        /// What and why.
        reason: &'static str,
    },
    /// The archive is beyond a limit.
    #[error("the archive has more than {limit} {what}")]
    Limit {
        /// Of what there is too much.
        what: &'static str,
        /// How much is allowed.
        limit: u64,
    },
    /// A stored entry list that is damaged, or of another version.
    #[error("damaged entry list: {0}")]
    List(&'static str),
}
