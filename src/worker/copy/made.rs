//! What was written so far, by path: one sorted run in memory, since most of what a copy brings comes in order.

use std::collections::BTreeMap;

use super::placed::Content;
use crate::tree::{Entry, Place, RootPath};

/// One path of the layer in the making.
#[derive(Clone)]
pub(super) struct Slot {
    pub(super) entry: Entry,
    pub(super) content: Content,
    /// Equal for names of one file.
    pub(super) file: Option<FileId>,
}

/// A file of one match, whatever its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileId {
    pub(super) matched: usize,
    pub(super) place: Place,
}

/// Slots by their paths. **Invariant**: each path is in one of the two.
#[derive(Clone, Default)]
pub(super) struct Made {
    /// Sorted: what came after all that was there.
    run: Vec<Slot>,
    /// What came between.
    late: BTreeMap<RootPath, Slot>,
}

impl Made {
    pub(super) fn get(&self, path: &RootPath) -> Option<&Slot> {
        // Most questions are about what does not come before the end.
        if self.run.last().is_some_and(|last| last.entry.path >= *path)
            && let Ok(at) = self.find(path)
        {
            return Some(&self.run[at]);
        }
        self.late.get(path)
    }

    fn find(&self, path: &RootPath) -> Result<usize, usize> {
        self.run.binary_search_by(|slot| slot.entry.path.cmp(path))
    }

    /// Puts a slot at its path, in the place of what is there.
    pub(super) fn insert(&mut self, slot: Slot) {
        let path = &slot.entry.path;
        let is_last = self.run.last().is_none_or(|last| last.entry.path < *path);
        if is_last && !self.late.contains_key(path) {
            self.run.push(slot);
        } else if let Ok(at) = self.find(path) {
            self.run[at] = slot;
        } else {
            self.late.insert(path.clone(), slot);
        }
    }

    /// Removes `path` and all below it.
    pub(super) fn remove_below(&mut self, path: &RootPath) {
        let start = self.run.partition_point(|slot| slot.entry.path < *path);
        let count = self.run[start..].partition_point(|slot| slot.entry.path.starts_with(path));
        self.run.drain(start..start + count);
        let late = self.late.range(path.clone()..).map(|(path, _)| path);
        let late: Vec<RootPath> = late.take_while(|p| p.starts_with(path)).cloned().collect();
        late.iter().for_each(|path| drop(self.late.remove(path)));
    }

    pub(super) fn len(&self) -> usize {
        self.run.len() + self.late.len()
    }

    /// In the order of paths.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot> {
        merged(self.run.iter(), self.late.values(), |slot| &slot.entry.path)
    }
}

impl IntoIterator for Made {
    type Item = Slot;
    type IntoIter = Box<dyn Iterator<Item = Slot>>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(merged(self.run.into_iter(), self.late.into_values(), |slot| &slot.entry.path))
    }
}

/// Two sorted sequences as one.
fn merged<T>(
    one: impl Iterator<Item = T>,
    other: impl Iterator<Item = T>,
    path: impl Fn(&T) -> &RootPath,
) -> impl Iterator<Item = T> {
    let (mut one, mut other) = (one.peekable(), other.peekable());
    std::iter::from_fn(move || match (one.peek(), other.peek()) {
        (Some(a), Some(b)) if path(b) < path(a) => other.next(),
        (None, _) => other.next(),
        _ => one.next(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Time;

    fn path(text: &str) -> RootPath {
        RootPath::clean(text).unwrap()
    }

    fn slot(text: &str, mode: u32) -> Slot {
        let entry = Entry { mode, ..Entry::directory(path(text), Time::default()) };
        Slot { entry, content: Content::None, file: None }
    }

    #[test]
    fn in_any_order_it_is_the_map_that_it_stands_for() {
        let names = ["a", "a/b", "a/b/c", "a-b", "b", "b/a", "c"];
        // Every order of insertions of a simple generator, each with replacements and one removal.
        for seed in 0..500u32 {
            let (mut made, mut map) = (Made::default(), BTreeMap::new());
            let mut state = seed.wrapping_mul(2_654_435_761) | 1;
            for step in 0..12 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let name = names[(state >> 16) as usize % names.len()];
                if step == 7 {
                    made.remove_below(&path(name));
                    map.retain(|other: &RootPath, _| !other.starts_with(&path(name)));
                } else {
                    made.insert(slot(name, step));
                    map.insert(path(name), step);
                }
                for name in names {
                    assert_eq!(made.get(&path(name)).map(|s| s.entry.mode), map.get(&path(name)).copied());
                }
            }
            let expected: Vec<(RootPath, u32)> = map.into_iter().collect();
            let seen = |slot: &Slot| (slot.entry.path.clone(), slot.entry.mode);
            assert_eq!(made.len(), expected.len());
            assert_eq!(made.iter().map(seen).collect::<Vec<_>>(), expected, "seed {seed}");
            assert_eq!(made.into_iter().map(|s| seen(&s)).collect::<Vec<_>>(), expected, "seed {seed}");
        }
    }
}
