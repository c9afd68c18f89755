//! The open store: its directory, its options, and what was found damaged in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::Error;
use super::healed::Healed;
use super::temp::TempDir;

/// How a store is opened.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Bytes that [`Store::collect_if_needed`] keeps the store below; none for the default: a tenth of the file system,
    /// at least 2 GB and at most 50 GB.
    pub size_limit: Option<u64>,
    /// When bytes are made durable.
    pub durability: Durability,
}

/// When bytes are made durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// By [`Store::sync`], once a build.
    #[default]
    Grouped,
    /// Never: for throw-away machines. What a power cut leaves is verified at the next opening.
    Never,
}

/// A store, open. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(super) disk: Arc<()>,
}

impl Store {
    /// Opens the store at `root`, making it if there is none.
    pub fn open(root: &Path, options: Options) -> Result<Store, Error> {
        let _ = (root, options);
        todo!()
    }

    /// The store's directory.
    pub fn root(&self) -> &Path {
        todo!()
    }

    /// Where room `snapshot` keeps materialised layers.
    pub fn snapshots_dir(&self) -> PathBuf {
        todo!()
    }

    /// A fresh directory on the store's file system, removed when dropped, swept after a crash.
    pub fn temp_dir(&self) -> Result<TempDir, Error> {
        todo!()
    }

    /// Makes durable what this process wrote since the last call: blobs first, then what points at them.
    pub fn sync(&self) -> Result<(), Error> {
        todo!()
    }

    /// Takes what was found damaged since the last call, for a notice to the user.
    pub fn take_healed(&self) -> Vec<Healed> {
        todo!()
    }
}
