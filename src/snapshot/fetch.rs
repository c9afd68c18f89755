//! How the bytes of layers come in.

use std::io::{self, Read};

use crate::layer::LayerList;
use crate::oci::{ChainId, DiffId};
use crate::tree::Stack;

/// One layer of a chain, lowest first.
#[derive(Clone, Debug)]
pub struct ChainLayer {
    /// Of the uncompressed tar.
    pub diff_id: DiffId,
    /// What is in it.
    pub list: LayerList,
}

/// The bytes of a chain's layers.
pub trait Fetch: Sync {
    /// Hands the bytes of the `wanted` entries (indices into the list of layer number `layer` of the chain, sorted) to
    /// `f`, each once, in the order in which they are stored. An error of `f` ends the visit and is passed on.
    fn fetch(
        &self,
        layer: usize,
        wanted: &[usize],
        f: &mut dyn FnMut(usize, &mut dyn Read) -> io::Result<()>,
    ) -> io::Result<()>;
}

/// The root file system of a chain.
pub(super) fn stack(chain: &[ChainLayer]) -> Stack {
    Stack::new(chain.iter().map(|layer| layer.list.entries.clone()).collect())
}

/// The name of each prefix of a chain: of the lowest layer alone, of the lowest two, and so on.
pub(super) fn chain_ids(chain: impl IntoIterator<Item = DiffId>) -> Vec<ChainId> {
    let mut ids: Vec<ChainId> = Vec::new();
    for layer in chain {
        let id = match ids.last() {
            None => ChainId(layer.0),
            Some(below) => below.push(layer),
        };
        ids.push(id);
    }
    ids
}
