//! Room on a file system that is full, or nearly so.

use std::sync::atomic::Ordering;

use super::create::{drop_ballast, take_ballast};
use super::error::Error;
use super::inventory::Inventory;
use super::lock::{Lock, Mode};
use super::measure::file_system;
use super::open::Store;
use super::prune::PruneOptions;

/// LIMIT: ours. What must be free before something begins that cannot be tried again: at most so many bytes, and of a small
/// file system one in so many.
const RESERVE: (u64, u64) = (64 << 20, 50);

impl Store {
    /// On a full file system: removes what dead processes left, else what was not used for the longest time, twice as much as
    /// is being written at least. False if there was nothing to remove, or somebody else is at it. Not while holding the use lock.
    pub fn make_room(&self, writing: u64) -> bool {
        let Ok(Some(_alone)) = Lock::try_take(&self.disk.layout.prune_lock(), Mode::Exclusive) else {
            return false;
        };
        // What is to be removed is looked for and moved first, and that needs a little room as well.
        drop_ballast(&self.disk.layout);
        let made = self.remove_for_room(writing).unwrap_or(false);
        take_ballast(&self.disk.layout);
        made
    }

    fn remove_for_room(&self, writing: u64) -> Result<bool, Error> {
        let mut is_less = false;
        for abandoned in self.abandoned()? {
            let bytes = abandoned.item.bytes;
            is_less |= abandoned.remove() && bytes > 0;
        }
        if is_less {
            return Ok(true);
        }
        let inventory = Inventory::scan(&self.disk, self.names()?)?;
        let total = inventory.total();
        let room = writing.saturating_mul(2).max(total / 10);
        let enough = total.saturating_sub(room);
        let options = PruneOptions { all: true, max_used_space: Some(enough), ..PruneOptions::default() };
        Ok(self.prune_inventory(inventory, &options)?.freed > 0)
    }

    /// Does what needs room, again for as long as something in the store can go.
    pub(super) fn with_room<T>(&self, mut work: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
        loop {
            match work() {
                Err(Error::NoSpace { .. }) if self.make_room(0) => {}
                done => return done,
            }
        }
    }

    /// Makes room before something that cannot be tried again, such as the process of a RUN, if little is free. Where that
    /// does not make enough (others fill the disk, or nothing can go) it is tried once: a cache is not given up for nothing.
    pub fn reserve(&self) {
        if self.disk.in_vain.load(Ordering::Relaxed) {
            return;
        }
        if let Some(wanted) = self.wanted() {
            self.make_room(wanted);
            self.disk.in_vain.store(self.wanted().is_some(), Ordering::Relaxed);
        }
    }

    /// How much should be free, if less is.
    fn wanted(&self) -> Option<u64> {
        let (used, free) = file_system(self.root()).ok()?;
        let (most, part) = RESERVE;
        Some(most.min(used.saturating_add(free) / part)).filter(|wanted| free < *wanted)
    }
}
