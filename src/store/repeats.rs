//! What of a new layer's files another layer of the store has, so that only the rest is written.

use std::sync::Arc;

use super::error::Error;
use super::layer_record::Layer;
use super::open::Store;
use crate::oci::DiffId;
use crate::tree::{Entry, Kind};

/// LIMIT: ours. Bytes below which a layer is written whole: it is done as quickly.
const LEAST: u64 = 4 << 20;
/// LIMIT: ours. Of so many bytes at most one is the patch's own, when it is made of files alone.
const MOST_OWN: u64 = 8;

/// The files of a new layer that another one has at the same path.
pub struct Repeats {
    pub(super) layer: Arc<Layer>,
    /// For each entry, where its bytes are in the other's tar.
    offsets: Vec<Option<u64>>,
}

impl Layer {
    /// Whether a layer that differs little from this one would be kept as a patch of it.
    pub fn can_be_repeated(&self) -> bool {
        self.is_plain() && self.tar_size >= LEAST
    }
}

impl Repeats {
    /// Where the bytes of the entry with that number are.
    pub(super) fn offset(&self, number: usize) -> Option<u64> {
        self.offsets.get(number).copied().flatten()
    }
}

impl Store {
    /// Compares `entries`, sorted as they will be written, with the layer `other`. None if that is not here and plain, or
    /// has too little of them.
    pub fn repeats<'a>(
        &self,
        other: DiffId,
        entries: impl Iterator<Item = &'a Entry>,
    ) -> Result<Option<Repeats>, Error> {
        let Some(layer) = self.layer(other)?.filter(|layer| layer.is_plain()) else { return Ok(None) };
        let (mut offsets, mut bytes, mut own) = (Vec::new(), 0_u64, 0_u64);
        let mut entries = entries.peekable();
        layer.each_entry(&mut |there, offset| {
            while let Some(entry) = entries.next_if(|entry| entry.path <= there.path) {
                let Kind::File { size, .. } = entry.kind else {
                    offsets.push(None);
                    continue;
                };
                let is_there = entry.path == there.path && entry.kind == there.kind;
                bytes = bytes.saturating_add(size);
                own = own.saturating_add(if is_there { 0 } else { size });
                offsets.push(is_there.then_some(offset));
            }
        })?;
        for entry in entries {
            if let Kind::File { size, .. } = entry.kind {
                (bytes, own) = (bytes.saturating_add(size), own.saturating_add(size));
            }
        }
        let is_worth_it = bytes >= LEAST && own <= bytes / MOST_OWN;
        Ok(is_worth_it.then_some(Repeats { layer, offsets }))
    }
}
