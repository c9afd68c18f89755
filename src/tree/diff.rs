//! The layer that makes one root file system out of another.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::chosen::Chosen;
use super::entry::{Entry, Kind, Time};
use super::path::RootPath;
use super::stack::{Node, Place, Stack};
use crate::oci::LAYER_EPOCH;

/// The entries that turn `base` into `target` when pushed on it: explicit whiteouts, parents, and whole groups of hard
/// links whose smallest path is the file. Every field counts, times too.
///
/// For comparisons and tests: it walks both trees. A RUN's layer is made from its changes alone, by
/// [`run_layer`](super::run_layer).
pub fn diff(base: &Stack, target: &Stack) -> Vec<Entry> {
    let old_groups = Groups::of(base);
    let new_groups = Groups::of(target);
    let mut chosen = Chosen::new();
    let mut add = |node: Node| match new_groups.members(&node) {
        Some(members) => add_group(&mut chosen, &node.entry, members),
        None => chosen.add(node.entry, ()),
    };
    let mut removed: Vec<RootPath> = Vec::new();
    let root = RootPath::root();
    let (mut old, mut new) = (base.walk(&root).peekable(), target.walk(&root).peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => old.entry.path.cmp(&new.entry.path),
        };
        let before = if order.is_gt() { None } else { old.next() };
        let after = if order.is_lt() { None } else { new.next() };
        match (before, after) {
            (Some(before), Some(after)) => {
                if before.entry.is_directory() && !after.entry.is_directory() {
                    while old.next_if(|node| node.entry.path.is_below(&before.entry.path)).is_some() {}
                }
                if before.entry != after.entry || old_groups.first(&before) != new_groups.first(&after) {
                    add(after);
                }
            }
            (Some(before), None) => {
                while old.next_if(|node| node.entry.path.is_below(&before.entry.path)).is_some() {}
                removed.push(before.entry.path);
            }
            (_, after) => after.into_iter().for_each(&mut add),
        }
    }
    for path in removed {
        chosen.add(Entry::whiteout(path, Time::from_seconds(LAYER_EPOCH.0)), ());
    }
    let entries = chosen.finish(|parent| target.get(&parent).map(|node| (node.entry, ())));
    entries.into_iter().map(|(entry, ())| entry).collect()
}

fn add_group(chosen: &mut Chosen<()>, entry: &Entry, members: &[RootPath]) {
    let (first, links) = members.split_first().expect("a group has the node that it was found by");
    chosen.add(Entry { path: first.clone(), ..entry.clone() }, ());
    for link in links {
        chosen.add(Entry { path: link.clone(), kind: Kind::Hardlink(first.clone()), ..entry.clone() }, ());
    }
}

/// The names of each file of a tree, smallest first.
struct Groups(HashMap<Place, Vec<RootPath>>);

impl Groups {
    fn of(stack: &Stack) -> Groups {
        let mut groups: HashMap<Place, Vec<RootPath>> = HashMap::new();
        for node in stack.walk(&RootPath::root()) {
            if let Some(place) = node.place {
                groups.entry(place).or_default().push(node.entry.path);
            }
        }
        Groups(groups)
    }

    fn members(&self, node: &Node) -> Option<&[RootPath]> {
        node.place.and_then(|place| self.0.get(&place)).map(Vec::as_slice)
    }

    fn first(&self, node: &Node) -> Option<&RootPath> {
        self.members(node).and_then(<[RootPath]>::first)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tree::model::{layer, normal};

    proptest! {
        #[test]
        fn the_difference_applied_to_the_base_is_the_target(
            base in prop::collection::vec(layer(true), 0..4),
            target in prop::collection::vec(layer(true), 0..4),
        ) {
            let (base, target) = (Stack::new(base), Stack::new(target));
            let difference = diff(&base, &target);
            prop_assert!(difference.windows(2).all(|pair| pair[0].path < pair[1].path));
            let result = base.push(difference.into());
            let root = RootPath::root();
            prop_assert_eq!(normal(result.walk(&root)), normal(target.walk(&root)));
        }

        #[test]
        fn a_tree_does_not_differ_from_itself(layers in prop::collection::vec(layer(true), 0..4)) {
            let stack = Stack::new(layers);
            prop_assert_eq!(diff(&stack, &stack), vec![]);
        }
    }
}
