//! A root file system as a stack of entry lists.
//!
//! **Invariants** of a list: sorted by path, each path once, nothing below an entry that is no directory, and a hard link
//! names a regular file of its own list. Lists that break them give wrong answers, never a panic.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::entries::Entries;
use super::entry::{Entry, Kind, Time};
use super::path::RootPath;
use crate::oci::LAYER_EPOCH;

/// A root file system: entry lists, lowest first, never merged as a whole. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Stack {
    layers: Arc<Vec<Entries>>,
}

/// Where a file's bytes are. Names of one file (hard links) have one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Position in the stack.
    pub layer: usize,
    /// Position in that layer's list.
    pub index: usize,
}

/// One path of a root file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What is there. Never a hard link (it shows as its file, under its own path), a whiteout or an opaque directory.
    pub entry: Entry,
    /// Where a regular file's bytes are.
    pub place: Option<Place>,
}

/// What a lookup ends at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found {
    /// This entry.
    At(Place),
    /// A directory that no layer names but some layer has something below.
    Implicit,
}

impl Stack {
    /// The file system of these layers, lowest first.
    pub fn new(layers: Vec<Entries>) -> Stack {
        Stack { layers: Arc::new(layers) }
    }

    /// This file system with one more layer on top.
    pub fn push(&self, layer: Entries) -> Stack {
        Stack::new(self.layers.iter().cloned().chain([layer]).collect())
    }

    /// The layers, lowest first.
    pub fn layers(&self) -> &[Entries] {
        &self.layers
    }

    /// What is at `path`; no link is followed. The root always exists. Directories that a foreign layer does not name
    /// but has something in are root's, 0755.
    pub fn get(&self, path: &RootPath) -> Option<Node> {
        self.find(path).and_then(|found| self.node(path, found))
    }

    /// The kind of what is at `path`, as the layer has it.
    pub(super) fn kind(&self, path: &RootPath) -> Option<&Kind> {
        match self.find(path)? {
            Found::At(place) => Some(&self.entry(place).kind),
            Found::Implicit => Some(&Kind::Directory),
        }
    }

    /// The place of `path`'s bytes, if it is a regular file.
    pub(super) fn place(&self, path: &RootPath) -> Option<Place> {
        match self.find(path)? {
            Found::At(place) => self.file(place),
            Found::Implicit => None,
        }
    }

    pub(super) fn entry(&self, place: Place) -> &Entry {
        &self.layers[place.layer][place.index]
    }

    /// Whether layer `number` hides what the layers under it have below `path`, where `at` is where `path` is or would be
    /// in its list.
    pub(super) fn hides(&self, number: usize, at: usize, path: &RootPath) -> bool {
        let entries = &self.layers[number];
        let opaque = entries.opaque();
        // Nothing lies below what is no directory, so such an ancestor is the neighbour.
        let neighbour = at.checked_sub(1).map(|before| &entries[before]);
        neighbour.is_some_and(|entry| !entry.is_directory() && path.is_below(&entry.path))
            || (!opaque.is_empty()
                && path
                    .ancestors()
                    .any(|above| opaque.binary_search_by(|index| entries[*index].path.cmp(&above)).is_ok()))
    }

    pub(super) fn find(&self, path: &RootPath) -> Option<Found> {
        let mut implicit = path.is_root();
        for (layer, entries) in self.layers.iter().enumerate().rev() {
            let (Ok(index) | Err(index)) = entries.search(path);
            match entries.get(index) {
                Some(entry) if entry.path == *path => {
                    return match entry.kind {
                        Kind::Directory | Kind::OpaqueDirectory => Some(Found::At(Place { layer, index })),
                        _ if implicit => Some(Found::Implicit),
                        Kind::Whiteout => None,
                        _ => Some(Found::At(Place { layer, index })),
                    };
                }
                Some(entry) if entry.path.is_below(path) => implicit = true,
                _ => {}
            }
            if self.hides(layer, index, path) {
                break;
            }
        }
        implicit.then_some(Found::Implicit)
    }

    /// The place of the regular file that the entry at `place` is, directly or as a hard link.
    fn file(&self, place: Place) -> Option<Place> {
        match &self.entry(place).kind {
            Kind::File { .. } => Some(place),
            Kind::Hardlink(target) => {
                let index = self.layers[place.layer].search(target).ok()?;
                let place = Place { index, ..place };
                matches!(self.entry(place).kind, Kind::File { .. }).then_some(place)
            }
            _ => None,
        }
    }

    /// The node of `path`; none for a hard link to nothing.
    pub(super) fn node(&self, path: &RootPath, found: Found) -> Option<Node> {
        let Found::At(place) = found else {
            return Some(Node { entry: implicit(path.clone()), place: None });
        };
        let entry = self.entry(place);
        let (entry, place) = match &entry.kind {
            Kind::Hardlink(_) => {
                let place = self.file(place)?;
                (Entry { path: path.clone(), ..self.entry(place).clone() }, Some(place))
            }
            Kind::OpaqueDirectory => (Entry { kind: Kind::Directory, ..entry.clone() }, None),
            Kind::File { .. } => (entry.clone(), Some(place)),
            _ => (entry.clone(), None),
        };
        Some(Node { entry, place })
    }
}

fn implicit(path: RootPath) -> Entry {
    let mtime = Time::from_seconds(LAYER_EPOCH.0);
    Entry { path, kind: Kind::Directory, mode: 0o755, uid: 0, gid: 0, mtime, xattrs: BTreeMap::new() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::oci::Digest;
    use crate::tree::model::{Tree, layer, path, unpack};

    fn at(text: &str) -> RootPath {
        RootPath::clean(text).unwrap()
    }

    fn entry(text: &str, kind: Kind) -> Entry {
        Entry { kind, ..Entry::directory(at(text), Time::default()) }
    }

    fn file(text: &str) -> Entry {
        entry(text, Kind::File { size: 1, digest: Digest::of(text.as_bytes()) })
    }

    fn stack(layers: Vec<Vec<Entry>>) -> Stack {
        Stack::new(layers.into_iter().map(Entries::from).collect())
    }

    fn paths(stack: &Stack) -> Vec<String> {
        stack.walk(&RootPath::root()).map(|node| node.entry.path.to_string()).collect()
    }

    #[test]
    fn a_directory_replaced_by_a_file_hides_what_was_in_it() {
        let lower = vec![entry("a", Kind::Directory), file("a/b")];
        let stack = stack(vec![lower, vec![file("a")], vec![entry("a", Kind::Directory)]]);
        assert_eq!(paths(&stack), ["/", "/a"]);
        assert_eq!(stack.get(&at("a/b")), None);
    }

    #[test]
    fn a_hard_link_keeps_its_file_when_the_first_name_is_replaced_above() {
        let lower = vec![file("a"), entry("b", Kind::Hardlink(at("a")))];
        let stack = stack(vec![lower, vec![entry("a", Kind::Whiteout)]]);
        let node = stack.get(&at("b")).unwrap();
        assert_eq!(node.entry, Entry { path: at("b"), ..file("a") });
        assert_eq!(node.place, Some(Place { layer: 0, index: 0 }));
        assert_eq!(paths(&stack), ["/", "/b"]);
    }

    #[test]
    fn a_hard_link_to_nothing_is_not_there() {
        let stack = stack(vec![vec![entry("b", Kind::Hardlink(at("a")))]]);
        assert_eq!(stack.get(&at("b")), None);
        assert_eq!(paths(&stack), ["/"]);
    }

    #[test]
    fn a_parent_that_no_layer_names_is_roots_unless_a_lower_layer_knows_it() {
        let lower = vec![Entry { mode: 0o700, ..entry("known", Kind::Directory) }];
        let stack = stack(vec![lower, vec![file("known/x"), file("new/x")]]);
        assert_eq!(stack.get(&at("known")).unwrap().entry.mode, 0o700);
        assert_eq!(stack.get(&at("new")).unwrap().entry.mode, 0o755);
        assert_eq!(paths(&stack), ["/", "/known", "/known/x", "/new", "/new/x"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn a_stack_is_what_unpacking_its_layers_gives(layers in prop::collection::vec(layer(true), 0..6), under in path()) {
            let tree = unpack(&layers);
            let mut stack = Stack::default();
            for layer in layers {
                stack = stack.push(layer);
            }
            let all: Tree = stack.walk(&RootPath::root()).map(|node| (node.entry.path.clone(), node)).collect();
            prop_assert_eq!(&all, &tree);
            prop_assert!(stack.walk(&RootPath::root()).is_sorted_by(|a, b| a.entry.path < b.entry.path));
            for path in tree.keys().chain([&under]) {
                prop_assert_eq!(stack.get(path), tree.get(path).cloned());
                let below = || tree.values().filter(|node| node.entry.path.is_below(path));
                let children = below().filter(|node| node.entry.path.parent().as_ref() == Some(path));
                prop_assert_eq!(stack.children(path), children.cloned().collect::<Vec<_>>());
                let walk: Vec<Node> = tree.get(path).into_iter().chain(below()).cloned().collect();
                prop_assert_eq!(stack.walk(path).collect::<Vec<_>>(), walk);
            }
        }
    }
}
