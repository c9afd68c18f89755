//! The layer that WORKDIR makes.

use super::error::Error;
use super::owner::Owner;
use super::slots::{NewDirectory, Slots};
use crate::graph::MakeDirectory;
use crate::tree::{Entry, RootPath, Stack, Time};

/// The missing directories of a path, and the parents of what is missing; nothing if all of it exists. Links on the way
/// are followed inside the root.
pub fn make_directory(
    operation: &MakeDirectory,
    destination: &Stack,
    owner: Owner,
) -> Result<Vec<Entry>, Error> {
    let mut slots = Slots::over(destination);
    let path = slots.resolve(&RootPath::clean(&operation.path)?)?;
    let mtime = Time::from_seconds(operation.epoch.0);
    slots.make_directories(&path, NewDirectory { mode: 0o755, owner, mtime })?;
    Ok(slots.finish().into_iter().map(|placed| placed.entry).collect())
}
