//! The store keeps itself below its size limit.

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::frame::Kind;
use super::inventory::Inventory;
use super::lease;
use super::lock::{Lock, Mode};
use super::measure::file_system;
use super::open::Store;
use super::prune::{PruneOptions, PruneReport};
use crate::oci::canonical;

/// The last count, and what happened since.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Count {
    /// Bytes of everything.
    total: u64,
    /// Bytes used on the whole file system then: what the store did not write itself (snapshots, cache mounts) shows here.
    file_system: u64,
    /// Bytes written by the store since.
    written: u64,
    /// Builds since.
    builds: u32,
    /// Seconds since 1970 of the count.
    time: i64,
}

/// LIMIT: ours; a count takes some milliseconds for each thousand files of cache mounts.
const BUILDS: u32 = 100;

/// Seconds for which a file system that fills is not looked into again: others may be filling it.
const QUIET: i64 = 600;

impl Store {
    /// After a build: if the store may be larger than its limit, counts, and removes least recently used things until it
    /// is small enough. Cheap when far below: one small file is read and written.
    pub fn collect_if_needed(&self) -> Result<Option<PruneReport>, Error> {
        // Whoever prunes now does the same work.
        let Some(_alone) = Lock::try_take(&self.disk.layout.prune_lock(), Mode::Exclusive)? else {
            return Ok(None);
        };
        let path = self.disk.layout.usage();
        let written = self.disk.unsynced.take_count();
        let (used, _) = file_system(self.root()).map_err(Error::io("look at", self.root()))?;
        let now = i64::try_from(lease::now(&self.disk)?.div_euclid(1_000_000_000)).unwrap_or(i64::MAX);
        let stored = self.disk.read_framed(Kind::Usage, b"", &path)?;
        if let Some(mut count) = stored.and_then(|bytes| serde_json::from_slice::<Count>(&bytes).ok()) {
            count.written = count.written.saturating_add(written);
            count.builds = count.builds.saturating_add(1);
            if !count.may_exceed(self.size_limit(), used, now) {
                self.put_count(&count)?;
                return Ok(None);
            }
        }
        for abandoned in self.abandoned()? {
            abandoned.remove();
        }
        let inventory = Inventory::scan(&self.disk, self.names()?)?;
        let mut total = inventory.total();
        let mut report = None;
        if total > self.size_limit() {
            // Some room is made at once, so that not every build has to.
            let enough = self.size_limit() / 10 * 8;
            let options = PruneOptions { all: true, max_used_space: Some(enough), ..PruneOptions::default() };
            let pruned = self.prune_inventory(inventory, &options)?;
            total = pruned.left;
            report = Some(pruned);
        }
        let (file_system, _) = file_system(self.root()).map_err(Error::io("look at", self.root()))?;
        self.put_count(&Count { total, file_system, written: 0, builds: 0, time: now })?;
        Ok(report)
    }

    fn put_count(&self, count: &Count) -> Result<(), Error> {
        match self.disk.write_framed(Kind::Usage, b"", &self.disk.layout.usage(), &canonical(count)) {
            // A build that is done does not fail for a count: without one, the next build counts.
            Err(Error::NoSpace { .. }) => Ok(()),
            written => written,
        }
    }
}

impl Count {
    fn may_exceed(&self, limit: u64, file_system: u64, now: i64) -> bool {
        let grown = file_system.saturating_sub(self.file_system);
        // A clock that was set back is no reason to be quiet.
        let quiet = (0..QUIET).contains(&now.saturating_sub(self.time));
        self.total.saturating_add(self.written) > limit
            || !quiet && self.total.saturating_add(grown) > limit
            || self.builds >= BUILDS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_trusted_until_something_says_that_it_may_be_wrong() {
        let count = Count { total: 50, file_system: 1000, written: 10, builds: 3, time: 5000 };
        assert!(!count.may_exceed(100, 1030, 9000));
        assert!(count.may_exceed(55, 1000, 5001), "by what was written");
        assert!(count.may_exceed(100, 1051, 9000), "by what the file system grew");
        assert!(!count.may_exceed(100, 1051, 5100), "not again at once");
        assert!(count.may_exceed(100, 1051, 4000), "the clock was set back");
        assert!(Count { builds: BUILDS, ..count }.may_exceed(100, 1000, 5001));
    }
}
