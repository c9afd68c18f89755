//! What of a directory's contents is copied.

use super::selection::Item;
use crate::tree::{Kind, Matched, Node, Patterns, RootPath, Stack, Time, allowed_xattrs};

/// What `--parents` picks and `--exclude` leaves out, by paths relative to the directory.
#[derive(Clone, Copy)]
pub(super) struct Filter<'a> {
    pub(super) include: Option<&'a Patterns>,
    pub(super) exclude: &'a Patterns,
}

impl Item {
    pub(super) fn new(node: Node, path: RootPath, parent_only: bool) -> Item {
        let Node { mut entry, place } = node;
        entry.path = path;
        // What no layer of ours carries is no part of the key either.
        if !entry.xattrs.is_empty() {
            entry.xattrs = allowed_xattrs(&entry.xattrs);
        }
        // Layers have whole seconds.
        entry.mtime = Time::from_seconds(entry.mtime.seconds);
        if matches!(entry.kind, Kind::Symlink(_)) {
            entry.mode = 0o777;
        }
        Item { entry, place, parent_only }
    }
}

/// A directory that is being walked through.
struct Above {
    path: RootPath,
    /// Until something in it is taken, which takes it too.
    held: Option<Item>,
    include: Option<Matched>,
    exclude: Option<Matched>,
}

/// The contents of `directory` that pass the filter, sorted, with the directories that hold them.
pub(super) fn contents(source: &Stack, directory: &RootPath, filter: Filter<'_>) -> Vec<Item> {
    let mut items = Vec::new();
    let mut above: Vec<Above> = Vec::new();
    let mut pruned: Option<RootPath> = None;
    for node in source.walk(directory) {
        if node.entry.path == *directory || pruned.as_ref().is_some_and(|p| node.entry.path.starts_with(p)) {
            continue;
        }
        let Some(path) = node.entry.path.strip_prefix(directory) else { continue };
        while above.last().is_some_and(|last| !path.starts_with(&last.path)) {
            above.pop();
        }
        let parent = above.last();
        let include = filter.include.map(|p| p.step(&path, parent.and_then(|a| a.include.as_ref())));
        let exclude = (!filter.exclude.is_empty())
            .then(|| filter.exclude.step(&path, parent.and_then(|a| a.exclude.as_ref())));
        let excluded = exclude.as_ref().is_some_and(Matched::is_excluded);
        let taken = !excluded && include.as_ref().is_none_or(Matched::is_excluded);
        let is_directory = node.entry.is_directory();
        if let (true, Some(exclude)) = (is_directory && excluded, &exclude)
            && filter.exclude.prunes(&path, exclude)
        {
            pruned = Some(node.entry.path.clone());
            continue;
        }
        if taken {
            items.extend(above.iter_mut().filter_map(|a| a.held.take()));
        }
        if is_directory {
            let held = (!taken).then(|| Item::new(node.clone(), path.clone(), true));
            above.push(Above { path: path.clone(), held, include, exclude });
        }
        if taken {
            items.push(Item::new(node, path, false));
        }
    }
    items
}
