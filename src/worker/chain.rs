//! The state of a stage: its layers, and how each came to be.

use std::sync::OnceLock;

use crate::oci::{ChainId, DiffId};

/// A root file system by content: its layers, lowest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain(pub Vec<Link>);

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
    /// A base image's layers.
    pub fn base(layers: &[DiffId]) -> Chain {
        Chain(layers.iter().map(|diff_id| Link { diff_id: *diff_id, made: Made::Base }).collect())
    }

    /// This state with one more layer.
    pub fn push(&self, diff_id: DiffId, made: Made) -> Chain {
        let mut links = self.0.clone();
        links.push(Link { diff_id, made });
        Chain(links)
    }

    /// The layers alone.
    pub fn diff_ids(&self) -> Vec<DiffId> {
        self.0.iter().map(|link| link.diff_id).collect()
    }

    /// The chain's name; none for an empty one.
    pub fn id(&self) -> Option<ChainId> {
        ChainId::of(&self.diff_ids())
    }
}
