//! Garbage collection: what goes, in which order, and what a live build or a name keeps.

use super::error::Error;
use super::store::Store;
use super::usage::ItemKind;

/// What may go.
#[derive(Clone, Debug, Default)]
pub struct PruneOptions {
    /// Also what names of pulled images keep.
    pub all: bool,
    /// Only what was not used for that many seconds.
    pub unused_for: Option<u64>,
    /// All of them must hold.
    pub filters: Vec<Filter>,
    /// Stop when the store is this small.
    pub reserved_space: Option<u64>,
    /// Go on, least recently used first, until the store is this small.
    pub max_used_space: Option<u64>,
    /// Go on until the file system has that many bytes free.
    pub min_free_space: Option<u64>,
    /// Say what would go, and remove nothing.
    pub dry_run: bool,
}

/// Chooses things.
#[derive(Clone, Debug)]
pub struct Filter {
    kinds: Vec<ItemKind>,
}

impl Filter {
    /// Reads `type=layer`, `type!=log`, `id=GLOB`, `ref=GLOB`; `until=24h` is [`PruneOptions::unused_for`]'s.
    pub fn parse(text: &str) -> Result<Filter, Error> {
        let _ = text;
        todo!()
    }
}

/// What went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PruneReport {
    /// What was removed (or would be), in the order of removal.
    pub removed: Vec<super::usage::Item>,
    /// Bytes that were freed (or would be).
    pub freed: u64,
    /// Bytes that are left.
    pub left: u64,
    /// Things that a running build uses and that stayed for this reason.
    pub in_use: u64,
}

impl Store {
    /// Removes what `options` allow to go.
    pub fn prune(&self, options: &PruneOptions) -> Result<PruneReport, Error> {
        let _ = options;
        todo!()
    }

    /// After a build: if the store may be larger than its limit, counts, and removes least recently used things until it
    /// is small enough. Cheap when far below.
    pub fn collect_if_needed(&self) -> Result<Option<PruneReport>, Error> {
        todo!()
    }
}
