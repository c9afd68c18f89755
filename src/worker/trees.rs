//! The file tree behind an input, and the bytes of its files.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, PoisonError};

use super::chain::{Chain, Made, States};
use super::context::Context;
use super::error::Error;
use super::perform::Worker;
use crate::graph::{Input, Step};
use crate::oci::DiffId;
use crate::snapshot::ChainLayer;
use crate::store::{Contents, Layer, Store};
use crate::tree::{Place, Stack};

/// LIMIT: as many as there are stages that grow at the same time, on most machines.
const TREES: usize = 8;

/// A file tree whose bytes can be read.
pub(super) struct Tree<'a> {
    /// Its entries.
    pub stack: Stack,
    /// Whether somebody here has read the bytes of all of it: else a part of it is what a remote cache says.
    pub is_verified: bool,
    from: From<'a>,
}

enum From<'a> {
    Layers(Vec<Arc<Layer>>),
    /// Some are not here yet.
    Chain(&'a Worker<'a>, Vec<DiffId>),
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
    pub(super) fn tree(&self, input: Input, states: &States) -> Result<Tree<'_>, Error> {
        match self.chain(input, states) {
            Some(chain) => self.chain_tree(&chain),
            None => {
                let Input::Context(context) = input else { unreachable!("only a context has no layers") };
                let context = &self.contexts[context.0];
                let from = From::Context(context);
                Ok(Tree { stack: context.scanned().stack().clone(), is_verified: true, from })
            }
        }
    }

    /// The tree of a chain: layers that only a remote cache has are there by their lists, until bytes are asked for.
    fn chain_tree(&self, chain: &Chain) -> Result<Tree<'_>, Error> {
        let mut claimed = BTreeMap::new();
        let diff_ids = chain.diff_ids();
        for diff_id in diff_ids.iter().filter(|_| !self.elsewhere.is_empty()) {
            if let Some(list) = self.claimed(*diff_id)? {
                claimed.insert(*diff_id, list.entries);
            }
        }
        if claimed.is_empty() {
            return Tree::of_layers(self.layers(chain)?);
        }
        self.believe(&claimed.keys().copied().collect::<Vec<_>>());
        let mut lists = Vec::with_capacity(diff_ids.len());
        for diff_id in &diff_ids {
            lists.push(match claimed.get(diff_id) {
                Some(list) => list.clone(),
                None => self.layer(*diff_id)?.list()?.entries.clone(),
            });
        }
        let from = From::Chain(self, diff_ids);
        Ok(Tree { stack: Stack::new(lists), is_verified: false, from })
    }

    /// The layers of a chain. What is not here is fetched: from base images' registries, from a remote cache.
    pub fn layers(&self, chain: &Chain) -> Result<Vec<Arc<Layer>>, Error> {
        let diff_ids = chain.diff_ids();
        self.bring(&diff_ids)?;
        diff_ids.iter().map(|diff_id| self.layer(*diff_id)).collect()
    }

    /// The same layers for a RUN to stand on: what is fetched is unpacked in the same pass.
    pub(super) fn ground_layers(&self, chain: &Chain) -> Result<Vec<Arc<Layer>>, Error> {
        let diff_ids = chain.diff_ids();
        self.ground.stand_on(&diff_ids);
        self.snapshots()?.begin_look(&diff_ids);
        self.layers(chain)
    }

    /// A layer that the store has: looked for once. What happens to it after that is met by whoever reads it.
    pub fn here(&self, diff_id: DiffId) -> Result<Option<Arc<Layer>>, Error> {
        let loaded = || self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let known = loaded().get(&diff_id).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let layer = self.store.layer(diff_id)?;
        if let Some(layer) = &layer {
            loaded().insert(diff_id, Arc::clone(layer));
        }
        Ok(layer)
    }

    /// The tree that a RUN stands on.
    pub(super) fn run_tree(&self, chain: &Chain, layers: Vec<Arc<Layer>>) -> Result<Tree<'static>, Error> {
        let trees = || self.trees.lock().unwrap_or_else(PoisonError::into_inner);
        let known = |chain: &Chain| {
            let wanted = chain.id()?;
            trees().iter().find(|(id, _)| *id == wanted).map(|(_, stack)| stack.clone())
        };
        let (Some(id), Some(top), Some((below, _))) = (chain.id(), layers.last(), chain.below()) else {
            return Tree::of_layers(layers);
        };
        if let Some(stack) = known(chain) {
            return Ok(Tree { stack, is_verified: true, from: From::Layers(layers) });
        }
        let stack = match known(&below) {
            Some(stack) => stack.push(top.list()?.entries.clone()),
            None => Tree::of_layers(layers.clone())?.stack,
        };
        let mut trees = trees();
        trees.push_front((id, stack.clone()));
        trees.truncate(TREES);
        Ok(Tree { stack, is_verified: true, from: From::Layers(layers) })
    }

    /// Knows a layer that was made just now without another look at it.
    pub(super) fn knows(&self, layer: Arc<Layer>) -> DiffId {
        let diff_id = layer.diff_id;
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).insert(diff_id, layer);
        diff_id
    }

    /// One layer, fetched if need be.
    pub fn layer(&self, diff_id: DiffId) -> Result<Arc<Layer>, Error> {
        match self.here(diff_id)? {
            Some(layer) => Ok(layer),
            None => self.fetched(diff_id),
        }
    }

    fn fetched(&self, diff_id: DiffId) -> Result<Arc<Layer>, Error> {
        let fetching = self.fetching();
        for image in self.images.iter().filter(|image| image.diff_ids.contains(&diff_id)) {
            image.fetch(&fetching)?;
        }
        self.bring(&[diff_id])?;
        self.here(diff_id)?.ok_or(Error::Lost(diff_id))
    }
}

impl Tree<'_> {
    /// The tree of layers that are in the store.
    pub fn of_layers(layers: Vec<Arc<Layer>>) -> Result<Tree<'static>, Error> {
        let entries = |layer: &Arc<Layer>| Ok(layer.list()?.entries.clone());
        let stack = Stack::new(layers.iter().map(entries).collect::<Result<_, Error>>()?);
        Ok(Tree { stack, is_verified: true, from: From::Layers(layers) })
    }

    /// Makes the bytes at `places` readable, in any order.
    pub fn contents(&self, store: &Store, places: &[Place]) -> Result<TreeContents<'_>, Error> {
        match &self.from {
            From::Context(context) => Ok(TreeContents::Context(context)),
            From::Layers(_) | From::Chain(..) => {
                let mut wanted: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
                for place in places {
                    wanted.entry(place.layer).or_default().push(place.index);
                }
                if let From::Chain(worker, chain) = &self.from {
                    worker.bring(&wanted.keys().map(|layer| chain[*layer]).collect::<Vec<_>>())?;
                }
                let mut contents = BTreeMap::new();
                for (index, mut indices) in wanted {
                    indices.sort_unstable();
                    indices.dedup();
                    let layer = match &self.from {
                        From::Chain(worker, chain) => worker.layer(chain[index])?,
                        From::Layers(layers) => Arc::clone(&layers[index]),
                        From::Context(_) => unreachable!("it has no layers"),
                    };
                    contents.insert(index, store.contents(&layer, &indices)?);
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
pub(super) fn chain_layers(layers: &[Arc<Layer>]) -> Result<Vec<ChainLayer>, Error> {
    let layer = |layer: &Arc<Layer>| Ok(ChainLayer { diff_id: layer.diff_id, list: layer.list()?.clone() });
    layers.iter().map(layer).collect()
}
