//! The slow and obvious root file system that the fast one is tested against, and random layers for both.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::entries::Entries;
use super::entry::{Entry, Kind, Time};
use super::path::RootPath;
use super::stack::{Node, Place};
use crate::oci::{Digest, LAYER_EPOCH};

/// A whole tree, path by path.
pub type Tree = BTreeMap<RootPath, Node>;

/// The tree that the layers make, by unpacking one after the other.
pub fn unpack(layers: &[Entries]) -> Tree {
    let implicit = |path: &RootPath| Node {
        entry: Entry::directory(path.clone(), Time::from_seconds(LAYER_EPOCH.0)),
        place: None,
    };
    let mut tree = Tree::from([(RootPath::root(), implicit(&RootPath::root()))]);
    for (number, layer) in layers.iter().enumerate() {
        for entry in layer.iter() {
            match entry.kind {
                Kind::Directory => {}
                Kind::OpaqueDirectory => tree.retain(|path, _| !path.is_below(&entry.path)),
                _ => tree.retain(|path, _| !path.starts_with(&entry.path)),
            }
        }
        for (index, entry) in layer.iter().enumerate() {
            for above in entry.path.ancestors() {
                if !tree.get(&above).is_some_and(|node| node.entry.is_directory()) {
                    tree.insert(above.clone(), implicit(&above));
                }
            }
            let mut node = Node { entry: entry.clone(), place: None };
            match &entry.kind {
                Kind::Whiteout => continue,
                Kind::OpaqueDirectory => node.entry.kind = Kind::Directory,
                Kind::File { .. } => node.place = Some(Place { layer: number, index }),
                Kind::Hardlink(target) => {
                    let index = layer.iter().position(|e| e.path == *target).unwrap();
                    node.entry = Entry { path: entry.path.clone(), ..layer[index].clone() };
                    node.place = Some(Place { layer: number, index });
                }
                _ => {}
            }
            tree.insert(entry.path.clone(), node);
        }
    }
    tree
}

/// What makes two trees equal: every entry, and which names are one file.
pub fn normal(nodes: impl IntoIterator<Item = Node>) -> Vec<(Entry, Option<RootPath>)> {
    let mut first = BTreeMap::new();
    nodes
        .into_iter()
        .map(|Node { entry, place }| {
            let leader = place.map(|place| first.entry(place).or_insert_with(|| entry.path.clone()).clone());
            (entry, leader)
        })
        .collect()
}

/// A path of one to three short names.
pub fn path() -> impl Strategy<Value = RootPath> {
    let name = prop::sample::select(vec!["a", "b", "c", "a-", "a.b"]);
    prop::collection::vec(name, 1..4).prop_map(|names| RootPath::clean(names.join("/")).unwrap())
}

/// A list that keeps the invariants; `marks` adds whiteouts and opaque directories.
pub fn layer(marks: bool) -> impl Strategy<Value = Entries> {
    let kind = prop_oneof![
        4 => Just(Kind::Directory),
        4 => (0..3u64).prop_map(|n| Kind::File { size: n, digest: Digest::of(&n.to_be_bytes()) }),
        2 => path().prop_map(Kind::Hardlink),
        1 => prop::sample::select(vec!["a", "/b/c", "../a", "nowhere"]).prop_map(|t| Kind::Symlink(t.into())),
        1 => Just(Kind::Fifo),
        1 => Just(if marks { Kind::OpaqueDirectory } else { Kind::Directory }),
        2 => Just(if marks { Kind::Whiteout } else { Kind::Fifo }),
    ];
    let entry = (path(), kind, prop::sample::select(vec![0o644, 0o755]), 0..2i64);
    prop::collection::vec(entry, 0..14).prop_map(|list| {
        let mut entries: Vec<Entry> = list
            .into_iter()
            .map(|(path, kind, mode, time)| Entry {
                kind,
                mode,
                ..Entry::directory(path, Time::from_seconds(time))
            })
            .collect();
        well_formed(&mut entries);
        entries.into()
    })
}

fn well_formed(entries: &mut Vec<Entry>) {
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    entries.dedup_by(|a, b| a.path == b.path);
    let mut top: Option<Entry> = None;
    entries.retain(|entry| {
        if top.as_ref().is_some_and(|top| !top.is_directory() && entry.path.is_below(&top.path)) {
            return false;
        }
        top = Some(entry.clone());
        true
    });
    let files: Vec<Entry> = entries.iter().filter(|e| matches!(e.kind, Kind::File { .. })).cloned().collect();
    for entry in entries.iter_mut() {
        if let Kind::Hardlink(target) = &entry.kind {
            match files.iter().find(|file| file.path >= *target).or(files.first()) {
                Some(file) => {
                    *entry = Entry {
                        path: entry.path.clone(),
                        kind: Kind::Hardlink(file.path.clone()),
                        ..file.clone()
                    }
                }
                None => entry.kind = Kind::Fifo,
            }
        }
    }
}
