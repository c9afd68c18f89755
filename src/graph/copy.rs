//! Writing files without running anything: COPY, ADD and WORKDIR.

use super::chmod::Chmod;
use super::input::{Input, Read};
use crate::oci::Epoch;

/// Files to copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// The tree that path sources are in.
    pub from: Input,
    /// What is copied, in order.
    pub sources: Vec<CopySource>,
    /// Absolute; a `/` (or `/.`) at the end means: into this directory.
    pub destination: String,
    /// `--chown`, as written after expansion: `user[:group]`.
    pub owner: Option<String>,
    /// `--chmod`
    pub mode: Option<Chmod>,
    /// `--link`: the layer does not depend on what it lies on.
    pub link: bool,
    /// `--parents`
    pub parents: bool,
    /// `--exclude`, in order.
    pub exclude: Vec<String>,
    /// What becomes of archives.
    pub unpack: Unpack,
    /// Time of what is made new: parents, here-documents; the latest time of what is unpacked. None to keep all times.
    pub epoch: Option<Epoch>,
}

/// One source of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopySource {
    /// A path or pattern in [`Copy::from`].
    Path(String),
    /// Something that was fetched.
    Remote {
        /// The tree that it is in.
        input: Input,
        /// Absolute and literal: `/` for all of the tree, else its one file.
        path: String,
    },
    /// A here-document.
    Inline {
        /// File name.
        name: String,
        /// Content, expanded.
        content: String,
    },
}

/// What becomes of a source that is a tar archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unpack {
    /// It is a file like any other: COPY, and ADD with `--unpack=false`.
    Never,
    /// A local archive is unpacked, one that was fetched is not: ADD.
    Local,
    /// Every archive is unpacked: ADD with `--unpack`.
    Always,
}

/// A directory to make where it is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MakeDirectory {
    /// Absolute.
    pub path: String,
    /// `user[:group]` as USER has it, the owner of what is made; empty for root.
    pub user: String,
    /// Time of what is made.
    pub epoch: Epoch,
}

impl Copy {
    /// The trees that it reads from, in no order.
    pub(super) fn inputs(&self) -> impl Iterator<Item = Input> {
        self.sources.iter().filter_map(|source| match source {
            CopySource::Path(_) => Some(self.from),
            CopySource::Remote { input, .. } => Some(*input),
            CopySource::Inline { .. } => None,
        })
    }

    /// Where it reads from: one read for all paths, and one for each source that was fetched.
    pub(super) fn reads(&self) -> Vec<Read> {
        let path = |source: &CopySource| match source {
            CopySource::Path(path) => Some(path.clone()),
            CopySource::Remote { .. } | CopySource::Inline { .. } => None,
        };
        let remote = |source: &CopySource| match source {
            CopySource::Remote { input, path } => Some(Read { input: *input, paths: vec![path.clone()] }),
            CopySource::Path(_) | CopySource::Inline { .. } => None,
        };
        let paths: Vec<String> = self.sources.iter().filter_map(path).collect();
        let local = (!paths.is_empty()).then_some(Read { input: self.from, paths });
        local.into_iter().chain(self.sources.iter().filter_map(remote)).collect()
    }
}
