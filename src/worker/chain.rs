//! The state of a stage: its layers, and how each came to be.

use std::sync::{Arc, OnceLock};

use crate::oci::{ChainId, DiffId};

/// A root file system by content: its layers. A state shares all below its top with the state it was made from, so a stage
/// of any length costs one node a step.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    top: Option<Arc<Node>>,
}

#[derive(Debug)]
struct Node {
    below: Option<Arc<Node>>,
    link: Link,
    id: ChainId,
    length: usize,
}

/// One layer of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its content.
    pub diff_id: DiffId,
    /// How it came to be.
    pub made: Made,
}

/// How a layer came to be. Not part of any key: it only says which files are the user's own sources, whose times a
/// RUN with a cache mount must be able to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// It belongs to a base image.
    Base,
    /// COPY, ADD or WORKDIR wrote it.
    Copied,
    /// RUN left it.
    Ran,
}

/// What each step of the graph left, once it is known.
pub type States = [OnceLock<Chain>];

impl Chain {
    /// A base image's layers, lowest first.
    pub fn base(layers: &[DiffId]) -> Chain {
        layers.iter().fold(Chain::default(), |chain, layer| chain.push(*layer, Made::Base))
    }

    /// This state with one more layer.
    pub fn push(&self, diff_id: DiffId, made: Made) -> Chain {
        let below = self.top.clone();
        let id = below.as_ref().map_or(ChainId(diff_id.0), |below| below.id.push(diff_id));
        let length = self.length() + 1;
        Chain { top: Some(Arc::new(Node { below, link: Link { diff_id, made }, id, length })) }
    }

    /// How many layers.
    pub fn length(&self) -> usize {
        self.top.as_ref().map_or(0, |top| top.length)
    }

    /// The layers, lowest first, each with how it came to be.
    pub fn links(&self) -> Vec<Link> {
        let mut links = Vec::with_capacity(self.length());
        let mut next = self.top.as_deref();
        while let Some(node) = next {
            links.push(node.link);
            next = node.below.as_deref();
        }
        links.reverse();
        links
    }

    /// The layers alone.
    pub fn diff_ids(&self) -> Vec<DiffId> {
        self.links().iter().map(|link| link.diff_id).collect()
    }

    /// The chain's name; none for an empty one.
    pub fn id(&self) -> Option<ChainId> {
        self.top.as_ref().map(|top| top.id)
    }

    /// This state without its topmost layer; none for an empty one.
    pub fn below(&self) -> Option<(Chain, Link)> {
        self.top.as_ref().map(|top| (Chain { top: top.below.clone() }, top.link))
    }
}

impl Drop for Node {
    /// LIMIT: one node after the other, so that a stage of any length ends without a stack of that depth.
    fn drop(&mut self) {
        let mut next = self.below.take();
        while let Some(mut node) = next.and_then(Arc::into_inner) {
            next = node.below.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Digest;

    fn layers(count: usize) -> Vec<DiffId> {
        (0..count).map(|number| DiffId(Digest::of(&number.to_le_bytes()))).collect()
    }

    #[test]
    fn a_chain_has_the_name_and_the_order_of_its_layers() {
        for count in 0..4 {
            let layers = layers(count);
            let chain = Chain::base(&layers);
            assert_eq!((chain.diff_ids(), chain.id()), (layers.clone(), ChainId::of(&layers)));
            assert_eq!(chain.length(), count);
        }
    }

    #[test]
    fn states_that_part_keep_what_is_below() {
        let layers = layers(3);
        let below = Chain::base(&layers[..1]);
        let (one, two) = (below.push(layers[1], Made::Ran), below.push(layers[2], Made::Copied));
        assert_eq!(one.diff_ids(), layers[..2]);
        assert_eq!(two.diff_ids(), [layers[0], layers[2]]);
        let (again, link) = two.below().expect("two layers");
        assert_eq!((again.id(), link), (below.id(), Link { diff_id: layers[2], made: Made::Copied }));
    }

    #[test]
    fn a_long_chain_is_dropped_without_a_deep_stack() {
        let layer = layers(1)[0];
        let drops = move || drop((0..5_000).fold(Chain::default(), |chain, _| chain.push(layer, Made::Ran)));
        let thread = std::thread::Builder::new().stack_size(64 << 10).spawn(drops);
        thread.expect("a thread of little stack").join().expect("no overflow");
    }
}
