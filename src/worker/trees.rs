//! The file tree behind an input, and the bytes of its files.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, PoisonError};

use super::chain::{Chain, Made, States};
use super::context::Context;
use super::error::Error;
use super::image::Fetching;
use super::perform::Worker;
use crate::graph::{Input, Step};
use crate::oci::DiffId;
use crate::snapshot::ChainLayer;
use crate::store::{Contents, Layer, Store};
use crate::tree::{Place, Stack};

/// A file tree whose bytes can be read.
pub(super) struct Tree<'a> {
    /// Its entries.
    pub stack: Stack,
    from: From<'a>,
}

enum From<'a> {
    Layers(Vec<Arc<Layer>>),
    Context(&'a Context),
}

impl<'a> Worker<'a> {
    /// The layers that an input stands for; none for a context that was scanned.
    pub(super) fn chain(&self, input: Input, states: &States) -> Option<Chain> {
        match input {
            Input::Scratch => Some(Chain::default()),
            Input::Image(image) => Some(Chain::base(&self.images[image.0].diff_ids)),
            Input::Context(context) => {
                let layer = self.contexts[context.0].layer()?;
                Some(Chain::default().push(layer, Made::Copied))
            }
            Input::Step(step) => {
                Some(states[step.0].get().cloned().expect("a step is done before one that reads it"))
            }
        }
    }

    /// The layers that a step stands on.
    pub fn base_chain(&self, step: &Step, states: &States) -> Chain {
        self.input_chain(step.base, states)
    }

    /// The layers of an input that has layers.
    ///
    /// # Panics
    ///
    /// For a context: nothing stands on one.
    pub fn input_chain(&self, input: Input, states: &States) -> Chain {
        self.chain(input, states).expect("an image stands on layers, never on a context")
    }

    /// The tree behind an input. Fetches what is not in the store.
    pub(super) fn tree(&self, input: Input, states: &States) -> Result<Tree<'a>, Error> {
        match self.chain(input, states) {
            Some(chain) => Ok(Tree::of_layers(self.layers(&chain)?)),
            None => {
                let Input::Context(context) = input else { unreachable!("only a context has no layers") };
                let context = &self.contexts[context.0];
                Ok(Tree { stack: context.scanned().stack().clone(), from: From::Context(context) })
            }
        }
    }

    /// The layers of a chain. Those of base images are fetched if need be.
    pub fn layers(&self, chain: &Chain) -> Result<Vec<Arc<Layer>>, Error> {
        chain.links().iter().map(|link| self.layer(link.diff_id)).collect()
    }

    fn layer(&self, diff_id: DiffId) -> Result<Arc<Layer>, Error> {
        let loaded = || self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let known = loaded().get(&diff_id).cloned();
        if let Some(layer) = known {
            return Ok(layer);
        }
        let layer = self.fetched(diff_id)?;
        loaded().insert(diff_id, Arc::clone(&layer));
        Ok(layer)
    }

    fn fetched(&self, diff_id: DiffId) -> Result<Arc<Layer>, Error> {
        if let Some(layer) = self.store.layer(diff_id)? {
            return Ok(layer);
        }
        let fetching =
            Fetching { store: self.store, sink: self.sink, numbers: self.numbers, cancel: self.cancel };
        for image in self.images.iter().filter(|image| image.diff_ids.contains(&diff_id)) {
            image.fetch(&fetching)?;
        }
        self.store.layer(diff_id)?.ok_or(Error::Lost(diff_id))
    }
}

impl Tree<'_> {
    /// The tree of layers that are in the store.
    pub fn of_layers(layers: Vec<Arc<Layer>>) -> Tree<'static> {
        let stack = Stack::new(layers.iter().map(|layer| Arc::clone(&layer.list.entries)).collect());
        Tree { stack, from: From::Layers(layers) }
    }

    /// Makes the bytes at `places` readable, in any order.
    pub fn contents(&self, store: &Store, places: &[Place]) -> Result<TreeContents<'_>, Error> {
        match &self.from {
            From::Context(context) => Ok(TreeContents::Context(context)),
            From::Layers(layers) => {
                let mut wanted: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
                for place in places {
                    wanted.entry(place.layer).or_default().push(place.index);
                }
                let mut contents = BTreeMap::new();
                for (layer, mut indices) in wanted {
                    indices.sort_unstable();
                    indices.dedup();
                    contents.insert(layer, store.contents(&layers[layer], &indices)?);
                }
                Ok(TreeContents::Layers(contents))
            }
        }
    }
}

/// Chosen files of a tree, ready to be read.
pub(super) enum TreeContents<'a> {
    Layers(BTreeMap<usize, Contents>),
    Context(&'a Context),
}

impl TreeContents<'_> {
    /// Appends the bytes at `place` to `out` where they need not be hashed to be those of the entry; else false.
    pub fn read_settled(&self, place: Place, out: &mut Vec<u8>) -> bool {
        match self {
            TreeContents::Layers(_) => false,
            TreeContents::Context(context) => context.read_settled(place, out),
        }
    }

    /// The bytes at `place`, which must be among the chosen ones.
    pub fn open(&self, place: Place) -> Result<Box<dyn Read + Send>, Error> {
        match self {
            TreeContents::Layers(contents) => Ok(Box::new(contents[&place.layer].open(place.index)?)),
            TreeContents::Context(context) => context.open(place),
        }
    }
}

/// Layers in the words of `snapshot`.
pub(super) fn chain_layers(layers: &[Arc<Layer>]) -> Vec<ChainLayer> {
    layers.iter().map(|layer| ChainLayer { diff_id: layer.diff_id, list: layer.list.clone() }).collect()
}
