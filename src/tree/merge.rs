//! Walks of a stack: a lazy merge of its lists.
//!
//! Each layer has a cursor into its list, and a heap has the cursors by path. What a layer hides is skipped by a search
//! in the lists below it, not by looking at each entry. Cost: what is visited, times the logarithm of the layers.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::entry::{Entry, Kind};
use super::path::RootPath;
use super::stack::{Found, Node, Place, Stack};

impl Stack {
    /// What is directly in `directory`, sorted.
    pub fn children(&self, directory: &RootPath) -> Vec<Node> {
        Merge::new(self, directory, Depth::Children).skip(1).collect()
    }

    /// `under` itself and all below it, in the order of paths. Nothing if `under` does not exist.
    pub fn walk<'a>(&'a self, under: &RootPath) -> impl Iterator<Item = Node> + use<'a> {
        Merge::new(self, under, Depth::All)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    Children,
    All,
}

struct Merge<'a> {
    stack: &'a Stack,
    under: RootPath,
    depth: Depth,
    /// Where each layer stands and where its part of the walk ends; empty for layers that have no part.
    cursors: Vec<(usize, usize)>,
    /// The path under each cursor; of equal paths the topmost layer first.
    heap: BinaryHeap<Reverse<(&'a RootPath, Reverse<usize>)>>,
    /// Paths below which all layers lower than the given one are hidden; each lies below the one before.
    hidden: Vec<(&'a RootPath, usize)>,
    /// The last path seen: the directories above it have been handed out.
    last: RootPath,
    ready: VecDeque<Node>,
}

impl<'a> Merge<'a> {
    fn new(stack: &'a Stack, under: &RootPath, depth: Depth) -> Merge<'a> {
        let mut merge = Merge {
            stack,
            under: under.clone(),
            depth,
            cursors: vec![(0, 0); stack.layers().len()],
            heap: BinaryHeap::new(),
            hidden: Vec::new(),
            last: under.clone(),
            ready: stack.get(under).into_iter().collect(),
        };
        if merge.ready.front().is_some_and(|node| node.entry.is_directory()) {
            merge.enter();
        }
        merge
    }

    /// Puts the cursors on what lies below `under`.
    fn enter(&mut self) {
        for (layer, entries) in self.stack.layers().iter().enumerate().rev() {
            let found = entries.search(&self.under);
            let (Ok(at) | Err(at)) = found;
            let itself = found.ok().map(|at| &entries[at]);
            let start = at + usize::from(itself.is_some());
            let end = entries.partition_point(start..entries.len(), |path| path.starts_with(&self.under));
            self.cursors[layer] = (start, end);
            self.push(layer);
            if itself.is_some_and(|entry| entry.kind != Kind::Directory)
                || self.stack.hides(layer, at, &self.under)
            {
                break;
            }
        }
    }

    fn push(&mut self, layer: usize) {
        let (at, end) = self.cursors[layer];
        if at < end {
            self.heap.push(Reverse((&self.stack.layers()[layer][at].path, Reverse(layer))));
        }
    }

    /// Moves a layer's cursor behind everything below `prefix`.
    fn skip_below(&mut self, layer: usize, prefix: &RootPath) {
        let (at, end) = self.cursors[layer];
        let entries = &self.stack.layers()[layer];
        self.cursors[layer].0 = entries.partition_point(at..end, |path| path.starts_with(prefix));
        self.push(layer);
    }

    /// Takes the next path off the heap, and hands out what it leads to.
    fn step(&mut self) -> bool {
        let Some(Reverse((path, Reverse(layer)))) = self.heap.pop() else { return false };
        while self.hidden.last().is_some_and(|(prefix, _)| !path.starts_with(prefix)) {
            self.hidden.pop();
        }
        if let Some((prefix, _)) = self.hidden.iter().find(|(_, above)| layer < *above).copied() {
            self.skip_below(layer, prefix);
            return true;
        }
        self.open_parents(path);
        if self.depth == Depth::Children {
            let child = path.child_of(&self.under);
            if child != *path {
                self.skip_below(layer, &child);
                return true;
            }
        }
        self.take(path, layer);
        true
    }

    /// Hands out the directories above `path` that no layer names.
    fn open_parents(&mut self, path: &RootPath) {
        let parent = path.as_bytes().len() - path.name().len();
        if self.last.as_bytes().get(..parent) == Some(&path.as_bytes()[..parent])
            && parent != self.last.as_bytes().len()
        {
            return;
        }
        let levels = if self.depth == Depth::Children { 1 } else { usize::MAX };
        for above in path.ancestors().filter(|above| above.is_below(&self.under)).take(levels) {
            if !self.last.starts_with(&above) {
                self.ready.extend(self.stack.node(&above, Found::Implicit));
                self.last = above;
            }
        }
    }

    /// Hands out `path`, of which `top` is the highest layer that names it.
    fn take(&mut self, path: &'a RootPath, top: usize) {
        let place = Place { layer: top, index: self.cursors[top].0 };
        let mut hider = (self.stack.entry(place).kind != Kind::Directory).then_some(top);
        self.cursors[top].0 += 1;
        self.push(top);
        while let Some(Reverse((same, Reverse(layer)))) = self.heap.peek().copied()
            && same == path
        {
            self.heap.pop();
            if hider.is_none() && self.stack.layers()[layer][self.cursors[layer].0].kind != Kind::Directory {
                hider = Some(layer);
            }
            self.cursors[layer].0 += 1;
            self.push(layer);
        }
        // What lies below `path` in any list comes next, so one look tells whether there is anything.
        let any_below = self.heap.peek().is_some_and(|Reverse((next, _))| next.is_below(path));
        if any_below && let Some(hider) = hider {
            self.hidden.push((path, hider));
        }
        let entry = self.stack.entry(place);
        let found = match entry.kind {
            _ if !entry.is_directory() && any_below && self.is_directory_above(path, top) => {
                Some(Found::Implicit)
            }
            Kind::Whiteout => None,
            _ => Some(Found::At(place)),
        };
        self.ready.extend(found.and_then(|found| self.stack.node(path, found)));
        self.last.clone_from(path);
    }

    /// Whether a layer over `layer` has something below `path`, which makes it a directory there.
    fn is_directory_above(&self, path: &RootPath, layer: usize) -> bool {
        let over = self.cursors.iter().enumerate().skip(layer + 1);
        over.filter(|(_, (at, end))| at < end).any(|(number, (at, _))| {
            let next: &Entry = &self.stack.layers()[number][*at];
            next.path.is_below(path)
        })
    }
}

impl Iterator for Merge<'_> {
    type Item = Node;

    fn next(&mut self) -> Option<Node> {
        while self.ready.is_empty() && self.step() {}
        self.ready.pop_front()
    }
}
