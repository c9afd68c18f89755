//! The layer that a RUN made: its changes in canonical form.

use super::entry::Entry;
use super::error::Error;
use super::path::RootPath;
use super::stack::Stack;
use crate::oci::Epoch;

/// One entry of a RUN's layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The entry as it goes into the layer.
    pub entry: Entry,
    /// Where its bytes are.
    pub from: Content,
}

/// Where the bytes of a changed entry are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// In the upper directory, at this path (which another name of the same file may have).
    Upper(RootPath),
    /// It has none: everything but a regular file.
    None,
}

/// The canonical layer for what an overlay's upper directory holds.
pub fn run_layer(lower: &Stack, upper: Vec<Entry>, epoch: Epoch) -> Result<Vec<Changed>, Error> {
    let _ = (lower, upper, epoch);
    todo!()
}
