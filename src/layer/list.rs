//! A layer's entry list, and its stored form.

use std::sync::Arc;

use super::error::Error;
use crate::oci::DiffId;
use crate::tree::Entry;

/// A layer's entries, with where the bytes of its files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerList {
    /// The entries, sorted by path.
    pub entries: Arc<[Entry]>,
    /// For each entry the offset of its bytes in the uncompressed tar; 0 for what has none.
    pub offsets: Arc<[u64]>,
}

/// A layer as it was written or read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The digest of the uncompressed tar, to its last byte.
    pub diff_id: DiffId,
    /// The size of the uncompressed tar.
    pub size: u64,
    /// What is in it.
    pub list: LayerList,
}

impl LayerList {
    /// The stored form.
    pub fn encode(&self) -> Vec<u8> {
        todo!()
    }

    /// Reads the stored form; a flipped bit is noticed.
    pub fn decode(bytes: &[u8]) -> Result<LayerList, Error> {
        let _ = bytes;
        todo!()
    }
}
