//! What there is to make for one layer's snapshot.

use crate::oci::LAYER_EPOCH;
use crate::tree::{Entry, Kind, Place, RootPath, Stack, Time};

use super::error::Error;

/// One thing to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What, and where.
    pub entry: Entry,
    /// Where a regular file's bytes are, in the chain.
    pub source: Option<Place>,
}

/// What the overlay directory of layer number `layer` of `stack` (whose topmost it is) holds: its list, with the
/// directories that a foreign layer takes for granted, which get the metadata that they have below, since overlay shows
/// the topmost directory's.
pub(super) fn layer_items(stack: &Stack, layer: usize) -> Result<Vec<Item>, Error> {
    let list = &stack.layers()[layer];
    let mut items: Vec<Item> = Vec::with_capacity(list.len() + 1);
    // The directories from the root to the last entry, as far as they are in `items`.
    let mut way: Vec<RootPath> = Vec::new();
    for (index, entry) in list.iter().enumerate() {
        if let Some(last) = items.last_mut()
            && last.entry.path == entry.path
        {
            last.source = Some(Place { layer, index }).filter(|_| matches!(entry.kind, Kind::File { .. }));
            last.entry = removed_and_made(&last.entry, entry);
            continue;
        }
        while way.last().is_some_and(|open| !entry.path.starts_with(open)) {
            way.pop();
        }
        if !entry.path.is_root() && entry.path.parent().as_ref() != way.last() {
            for parent in entry.path.ancestors() {
                if way.last().is_none_or(|open| parent != *open && parent.starts_with(open)) {
                    if items.last().is_some_and(|last| last.entry.path == parent) {
                        return Err(Error::List {
                            path: entry.path.clone(),
                            reason: "lies below what is no directory",
                        });
                    }
                    items.push(Item { entry: directory_below(stack, &parent), source: None });
                    way.push(parent);
                }
            }
        }
        if entry.is_directory() {
            way.push(entry.path.clone());
        }
        let source = matches!(entry.kind, Kind::File { .. }).then_some(Place { layer, index });
        items.push(Item { entry: entry.clone(), source });
    }
    if items.is_empty() {
        items.push(Item { entry: directory_below(stack, &RootPath::root()), source: None });
    }
    Ok(items)
}

/// A tar that removes a path and makes it anew hides what was below: a new directory is opaque.
fn removed_and_made(first: &Entry, second: &Entry) -> Entry {
    let made = if second.kind == Kind::Whiteout { first } else { second };
    let removed = first.kind == Kind::Whiteout || second.kind == Kind::Whiteout;
    let mut entry = made.clone();
    if removed && entry.kind == Kind::Directory {
        entry.kind = Kind::OpaqueDirectory;
    }
    entry
}

fn directory_below(stack: &Stack, path: &RootPath) -> Entry {
    match stack.get(path) {
        Some(node) if node.entry.is_directory() => {
            Entry { path: path.clone(), kind: Kind::Directory, ..node.entry }
        }
        _ => Entry::directory(path.clone(), Time::from_seconds(LAYER_EPOCH.0)),
    }
}
