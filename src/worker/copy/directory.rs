//! The layer that WORKDIR makes.

use super::error::Error;
use super::owner::Owner;
use crate::graph::MakeDirectory;
use crate::tree::{Entry, Stack};

/// The missing directories of a path, and the parents of what is missing; nothing if all of it exists.
pub fn make_directory(
    operation: &MakeDirectory,
    destination: &Stack,
    owner: Owner,
) -> Result<Vec<Entry>, Error> {
    let _ = (operation, destination, owner);
    todo!()
}
