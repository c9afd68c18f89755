//! Several small layers in one directory: an overlay costs something for each of its lower directories, every time.
//!
//! Where layers only add and replace files, what an overlay shows of their directories is what it shows of one directory
//! that holds all of them, the topmost of each name.

use std::collections::BTreeMap;

use super::error::Error;
use super::fetch::{ChainLayer, stack};
use super::recipe::{Item, layer_items};
use crate::oci::{ChainId, Digest};
use crate::tree::{Kind, RootPath};

/// LIMIT: ours. So many layers make one directory; fewer stay apart.
pub(super) const JOINED: usize = 16;

/// LIMIT: ours. What a small layer holds at most: its files are written twice.
const ENTRIES: usize = 64;
const BYTES: u64 = 64 << 10;

/// Whether a layer can share a directory with others.
pub(super) fn is_simple(layer: &ChainLayer) -> bool {
    let entries = &layer.list.entries;
    if entries.len() > ENTRIES {
        return false;
    }
    let mut bytes = 0_u64;
    entries.iter().all(|entry| match entry.kind {
        Kind::Directory | Kind::Symlink(_) => true,
        Kind::File { size, .. } => {
            bytes = bytes.saturating_add(size);
            bytes <= BYTES
        }
        // A removal hides what is below all of them, and the names of one file are one file.
        _ => false,
    })
}

/// What the directory of the topmost [`JOINED`] layers of `chain` holds; none if what is a directory in one of them is
/// none in another, which hides what is below.
pub(super) fn joined_items(chain: &[ChainLayer]) -> Result<Option<Vec<Item>>, Error> {
    let mut joined: BTreeMap<RootPath, Item> = BTreeMap::new();
    let below = chain.len() - JOINED;
    let mut stack = stack(&chain[..below]);
    for (number, layer) in chain.iter().enumerate().skip(below) {
        stack = stack.push(layer.list.entries.clone());
        for item in layer_items(&stack, number)? {
            let is_directory = item.entry.is_directory();
            let before = joined.insert(item.entry.path.clone(), item);
            if before.is_some_and(|before| before.entry.is_directory() != is_directory) {
                return Ok(None);
            }
        }
    }
    Ok(Some(joined.into_values().collect()))
}

/// The name of the directory of the topmost layers of a chain, of the same form as all others.
pub(super) fn joined_name(chain: ChainId) -> ChainId {
    ChainId(Digest::of(format!("joined {JOINED} {chain}").as_bytes()))
}
