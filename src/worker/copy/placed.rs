//! Entries of a layer, with where their bytes are.

use std::sync::Arc;

use crate::tree::{Entry, Place};

/// One entry of the layer, and where its bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The entry, ready for the layer.
    pub entry: Entry,
    /// Its bytes.
    pub content: Content,
}

/// Where the bytes of an entry are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// It has none: everything but a regular file.
    None,
    /// In the source.
    Source(Place),
    /// Here.
    Inline(Arc<[u8]>),
    /// In an archive of the source that is unpacked.
    Archive {
        /// The archive's place in the source.
        archive: Place,
        /// The member's position in the archive's list.
        member: usize,
    },
}
