//! A root file system as a stack of entry lists.

use std::sync::Arc;

use super::entry::Entry;
use super::path::RootPath;

/// A root file system: entry lists, lowest first, never merged as a whole. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Stack {
    layers: Arc<Vec<Arc<[Entry]>>>,
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

impl Stack {
    /// The file system of these layers, lowest first.
    pub fn new(layers: Vec<Arc<[Entry]>>) -> Stack {
        Stack { layers: Arc::new(layers) }
    }

    /// This file system with one more layer on top.
    pub fn push(&self, layer: Arc<[Entry]>) -> Stack {
        let _ = layer;
        todo!()
    }

    /// The layers, lowest first.
    pub fn layers(&self) -> &[Arc<[Entry]>] {
        &self.layers
    }

    /// What is at `path`; no link is followed. The root always exists.
    pub fn get(&self, path: &RootPath) -> Option<Node> {
        let _ = path;
        todo!()
    }

    /// What is directly in `directory`, sorted.
    pub fn children(&self, directory: &RootPath) -> Vec<Node> {
        let _ = directory;
        todo!()
    }

    /// `under` itself and all below it, in the order of paths.
    pub fn walk(&self, under: &RootPath) -> impl Iterator<Item = Node> + '_ {
        let _ = under;
        std::iter::from_fn(|| todo!())
    }
}
