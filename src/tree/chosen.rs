//! Changed entries on their way into a layer: with the directories above them, in order, once each.

use std::collections::BTreeMap;

use super::entry::Entry;
use super::path::RootPath;

/// Entries chosen for a layer, by path. ORDER: the order of the map is the order of the layer.
pub struct Chosen<T> {
    entries: BTreeMap<RootPath, (Entry, T)>,
}

impl<T> Chosen<T> {
    pub fn new() -> Chosen<T> {
        Chosen { entries: BTreeMap::new() }
    }

    pub fn add(&mut self, entry: Entry, with: T) {
        self.entries.insert(entry.path.clone(), (entry, with));
    }

    /// Adds the directories above all that was added, as `directory` describes them, and ends. The root is no parent:
    /// it is in a layer only if it was changed itself.
    pub fn finish(mut self, mut directory: impl FnMut(RootPath) -> Option<(Entry, T)>) -> Vec<(Entry, T)> {
        let mut parents: BTreeMap<RootPath, (Entry, T)> = BTreeMap::new();
        for path in self.entries.keys() {
            let mut above = path.parent();
            while let Some(parent) = above {
                if parent.is_root() || self.entries.contains_key(&parent) || parents.contains_key(&parent) {
                    break;
                }
                above = parent.parent();
                if let Some(found) = directory(parent.clone()) {
                    parents.insert(parent, found);
                }
            }
        }
        self.entries.append(&mut parents);
        self.entries.into_values().collect()
    }
}
