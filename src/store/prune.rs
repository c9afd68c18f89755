//! Garbage collection: what goes, in which order, and what a live build or a name keeps.
//!
//! Chosen first, removed then: a thing is renamed away while the use lock is held alone, after another look at its time,
//! and deleted when the lock is free again.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::disk::Disk;
use super::error::Error;
use super::filter::Filter;
use super::inventory::{Found, Inventory};
use super::item::{Item, ItemKind};
use super::lease;
use super::lock::{Lock, Mode};
use super::measure::file_system;
use super::name::Origin;
use super::open::Store;
use super::process::{list, mtime, remove_tree};
use crate::oci::DiffId;

/// What may go.
#[derive(Clone, Debug, Default)]
pub struct PruneOptions {
    /// Also what names of pulled images keep.
    pub all: bool,
    /// Only what was not used for that many seconds.
    pub unused_for: Option<u64>,
    /// All of them must hold.
    pub filters: Vec<Filter>,
    /// Keep at least this much.
    pub reserved_space: Option<u64>,
    /// Go on, least recently used first, until the store is this small; if nothing says where to stop, all goes.
    pub max_used_space: Option<u64>,
    /// Go on until the file system has that many bytes free.
    pub min_free_space: Option<u64>,
    /// Say what would go, and remove nothing.
    pub dry_run: bool,
}

/// What went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PruneReport {
    /// What was removed (or would be), in the order of removal.
    pub removed: Vec<Item>,
    /// Bytes that were freed (or would be).
    pub freed: u64,
    /// Bytes that are left.
    pub left: u64,
    /// Things that stayed only because a running build may use them.
    pub in_use: u64,
    /// What could not be removed, and why.
    pub failed: Vec<String>,
}

impl Store {
    /// Removes what `options` allow to go.
    pub fn prune(&self, options: &PruneOptions) -> Result<PruneReport, Error> {
        let _alone = Lock::wait(&self.disk.layout.prune_lock(), Mode::Exclusive)?;
        let mut dead = Vec::new();
        for abandoned in self.abandoned()? {
            let item = abandoned.item.clone();
            if options.dry_run || abandoned.remove() {
                dead.push(item);
            }
        }
        let inventory = Inventory::scan(&self.disk, self.names()?)?;
        let mut report = self.prune_inventory(inventory, options)?;
        let bytes: u64 = dead.iter().map(|item| item.bytes).sum();
        report.freed += bytes;
        if options.dry_run {
            report.left = report.left.saturating_sub(bytes);
        }
        report.removed.splice(0..0, dead);
        Ok(report)
    }

    /// The same for an inventory just made, by who holds the prune lock.
    pub(super) fn prune_inventory(
        &self,
        inventory: Inventory,
        options: &PruneOptions,
    ) -> Result<PruneReport, Error> {
        // While no build runs, nothing was used too lately: not even what has a time of the future.
        let oldest = match lease::oldest(&self.disk)? {
            (oldest, true) => oldest,
            (_, false) => i128::MAX,
        };
        let now = lease::now(&self.disk)?;
        let total = inventory.total();
        let mut report = PruneReport { left: total, ..PruneReport::default() };
        let enough = self.enough(options, total)?;
        let mut candidates: Vec<&Found> =
            inventory.found.iter().filter(|found| may_go(found, options, now)).collect();
        candidates
            .sort_by(|a, b| (a.last(), a.item.kind, &a.item.id).cmp(&(b.last(), b.item.kind, &b.item.id)));
        let mut doomed: Vec<&Found> = Vec::new();
        let mut freed = 0;
        for found in candidates {
            if enough.is_some_and(|enough| total - freed <= enough) {
                break;
            }
            if found.last() >= oldest {
                report.in_use += 1;
                continue;
            }
            freed += found.item.bytes;
            doomed.push(found);
        }
        self.add_dependents(&inventory, &mut doomed);
        if options.dry_run {
            report.removed = doomed.iter().map(|found| found.item.clone()).collect();
        } else {
            self.remove(&doomed, oldest, &mut report)?;
            self.sweep()?;
        }
        report.freed = report.removed.iter().map(|item| item.bytes).sum();
        report.left = total.saturating_sub(report.freed);
        Ok(report)
    }

    /// The size at which to stop; none to go on to the end.
    fn enough(&self, options: &PruneOptions, total: u64) -> Result<Option<u64>, Error> {
        let mut enough = options.max_used_space;
        if let Some(wanted) = options.min_free_space {
            let (_, free) = file_system(self.root()).map_err(Error::io("look at", self.root()))?;
            let small = total.saturating_sub(wanted.saturating_sub(free));
            enough = Some(enough.map_or(small, |e| e.min(small)));
        }
        Ok(match (enough, options.reserved_space) {
            (Some(enough), Some(reserved)) => Some(enough.max(reserved)),
            (enough, reserved) => enough.or(reserved),
        })
    }

    /// What makes no sense without what is doomed goes first: names of pulled images, records of layers, and layers that
    /// are patches of others.
    fn add_dependents<'a>(&self, inventory: &'a Inventory, doomed: &mut Vec<&'a Found>) {
        let is_layer = |found: &&Found| found.item.kind == ItemKind::Layer;
        let mut layers: BTreeSet<DiffId> =
            doomed.iter().copied().filter(is_layer).flat_map(|found| found.layers.iter().copied()).collect();
        let patches: Vec<&Found> = inventory
            .found
            .iter()
            .filter(|found| found.repeats.is_some_and(|other| layers.contains(&other)))
            .collect();
        layers.extend(patches.iter().flat_map(|found| found.layers.iter().copied()));
        let names: BTreeSet<String> = inventory
            .names
            .iter()
            .filter(|name| name.name.origin == Origin::Pulled && doomed.iter().any(|found| name.needs(found)))
            .map(|name| name.reference.to_string())
            .collect();
        let already: BTreeSet<(ItemKind, &str)> =
            doomed.iter().map(|found| (found.item.kind, found.item.id.as_str())).collect();
        let mut first: Vec<&Found> = inventory
            .found
            .iter()
            .filter(|found| match found.item.kind {
                ItemKind::Name => names.contains(&found.item.id),
                ItemKind::Record => found.layers.iter().any(|layer| layers.contains(layer)),
                _ => false,
            })
            .chain(patches)
            .filter(|found| !already.contains(&(found.item.kind, found.item.id.as_str())))
            .collect();
        first.append(doomed);
        *doomed = first;
    }

    fn remove(&self, doomed: &[&Found], oldest: i128, report: &mut PruneReport) -> Result<(), Error> {
        let mut trash = Trash { disk: &self.disk, taken: Vec::new() };
        for found in doomed {
            let dependent = matches!(found.item.kind, ItemKind::Name | ItemKind::Record);
            let removed = match found.item.kind {
                ItemKind::CacheMount => self.remove_cache_mount(found, &mut trash),
                ItemKind::Snapshot => self.remove_snapshot(found, &mut trash),
                _ => self.remove_files(found, if dependent { i128::MAX } else { oldest }, &mut trash),
            };
            match removed {
                Ok(true) => report.removed.push(found.item.clone()),
                Ok(false) => report.in_use += 1,
                Err(e) => report.failed.push(format!("{} {}: {e}", found.item.kind, found.item.id)),
            }
        }
        Ok(())
    }

    /// Renames a thing's files away, unless it was used since it was chosen.
    fn remove_files(&self, found: &Found, oldest: i128, trash: &mut Trash<'_>) -> Result<bool, Error> {
        let _removing = self.disk.removing()?;
        let used =
            found.files.iter().filter_map(|file| fs::symlink_metadata(file).ok()).filter(|m| m.is_file());
        // A use of a moment ago is in the files' times, and nowhere else.
        if used.map(|m| mtime(&m)).max().is_some_and(|used| used >= oldest || used != found.used) {
            return Ok(false);
        }
        for file in &found.files {
            trash.take(file)?;
        }
        Ok(true)
    }

    fn remove_cache_mount(&self, found: &Found, trash: &mut Trash<'_>) -> Result<bool, Error> {
        let Some(path) = found.files.first() else { return Ok(false) };
        let Some(lock) = Lock::try_take(&path.with_extension("lock"), Mode::Exclusive)? else {
            return Ok(false);
        };
        for file in &found.files {
            trash.take(file)?;
        }
        for extension in ["make", "seen-lock"] {
            self.disk.remove(&path.with_extension(extension))?;
        }
        lock.remove();
        // Only an empty directory goes: whoever comes meanwhile has put a lock into it.
        if let Some(dir) = path.parent()
            && list(dir)?.iter().all(|entry| entry.file_name() == "about")
        {
            self.disk.remove(&dir.join("about"))?;
            let _ = fs::remove_dir(dir);
        }
        Ok(true)
    }

    /// Breaks the seal, looks whether somebody used it meanwhile, and only then takes the directory. Whoever looks for the
    /// seal in between waits for the lock to make the snapshot, and then looks again.
    fn remove_snapshot(&self, found: &Found, trash: &mut Trash<'_>) -> Result<bool, Error> {
        let [seal, directory, size] = found.files.as_slice() else { return Ok(false) };
        let Some(_held) = Lock::try_take(&directory.with_extension("lock"), Mode::Exclusive)? else {
            return Ok(false);
        };
        let broken = trash.take(seal)?;
        let used = fs::symlink_metadata(&broken).is_ok_and(|m| mtime(&m) != found.used);
        // Outside the user namespace, what its ids own cannot be moved.
        let moved = if used { Ok(false) } else { trash.take(directory).map(|_| true) };
        if matches!(moved, Ok(true)) {
            self.disk.remove(size)?;
        } else if broken.exists() {
            fs::rename(&broken, seal).map_err(Error::io("give back", seal))?;
        }
        moved
    }

    /// Removes the locks of flights whose holders died, and what is left beside snapshots that are gone.
    fn sweep(&self) -> Result<(), Error> {
        for entry in list(&self.disk.layout.directory("flights"))? {
            if let Some(dead) = Lock::try_take(&entry.path(), Mode::Exclusive)? {
                dead.remove();
            }
        }
        for entry in list(&self.disk.layout.directory("snapshots"))? {
            let path = entry.path();
            let Some(extension) = path.extension().filter(|_| !path.with_extension("").exists()) else {
                continue;
            };
            if extension == "size" || extension == "sealed" {
                self.disk.remove(&path)?;
            } else if extension == "lock"
                && let Some(free) = Lock::try_take(&path, Mode::Exclusive)?
            {
                free.remove();
            }
        }
        Ok(())
    }
}

fn may_go(found: &Found, options: &PruneOptions, now: i128) -> bool {
    let kind = !matches!(found.item.kind, ItemKind::Name | ItemKind::Temporary);
    let kept = found.owned || !found.item.kept_by.is_empty() && !options.all;
    let age = now - found.last();
    let old = options.unused_for.is_none_or(|seconds| age >= i128::from(seconds) * 1_000_000_000);
    kind && !kept && old && options.filters.iter().all(|filter| filter.matches(&found.item))
}

/// Things under names of nobody's in the process's own directory, removed when dropped. It makes nothing itself: a full file
/// system has no room for a directory.
struct Trash<'a> {
    disk: &'a Disk,
    taken: Vec<PathBuf>,
}

impl Trash<'_> {
    /// Renames a file or directory away, if it is there; what it is called then.
    fn take(&mut self, path: &Path) -> Result<PathBuf, Error> {
        let to = self.disk.process.fresh();
        match fs::rename(path, &to) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path)(e)),
            _ => {
                self.taken.push(to.clone());
                Ok(to)
            }
        }
    }
}

impl Drop for Trash<'_> {
    fn drop(&mut self) {
        for path in &self.taken {
            if fs::remove_file(path).is_err() {
                remove_tree(path);
            }
        }
    }
}
