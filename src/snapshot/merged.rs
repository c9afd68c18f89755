//! What there is to make for a whole root file system, or a directory of one.

use std::collections::HashMap;

use super::recipe::Item;
use crate::tree::{Kind, Place, RootPath, Stack};

/// All of `stack` as one list, names of one file linked to the first of them.
pub fn whole(stack: &Stack) -> Vec<Item> {
    below(stack, &RootPath::root())
}

/// The same of what lies at `at`, which becomes the root.
pub fn below(stack: &Stack, at: &RootPath) -> Vec<Item> {
    let mut first: HashMap<Place, RootPath> = HashMap::new();
    stack
        .walk(at)
        .map(|node| {
            let mut entry = node.entry;
            entry.path = entry.path.strip_prefix(at).expect("a walk stays below where it began");
            let Some(place) = node.place else { return Item { entry, source: None } };
            match first.get(&place) {
                Some(name) => {
                    entry.kind = Kind::Hardlink(name.clone());
                    Item { entry, source: None }
                }
                None => {
                    first.insert(place, entry.path.clone());
                    Item { entry, source: Some(place) }
                }
            }
        })
        .collect()
}
