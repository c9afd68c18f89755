//! The layer that a copy makes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::Error;
use super::owner::Owner;
use super::selection::Selection;
use crate::graph::Copy;
use crate::tree::{Entry, Place, Stack};

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

/// What the selection's archives hold, for those of [`Selection::archive_candidates`] that are archives.
pub type Archives = BTreeMap<Place, Arc<[Entry]>>;

/// Makes the layer's entries. `owner` is what `--chown` names, looked up by [`super::chown_owner`].
pub fn place(
    copy: &Copy,
    selection: &Selection,
    destination: &Stack,
    owner: Option<Owner>,
    archives: &Archives,
) -> Result<Vec<Placed>, Error> {
    let _ = (copy, selection, destination, owner, archives);
    todo!()
}
