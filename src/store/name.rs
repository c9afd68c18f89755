//! Names: which image a reference stands for.

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::store::Store;
use crate::oci::{Digest, MediaType, Reference};

/// An image under a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    /// Its manifest or index, which is a blob here.
    pub manifest: Target,
    /// How it came here.
    pub origin: Origin,
    /// Seconds since 1970 when the name was set.
    pub time: i64,
}

/// A manifest or an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// What it is.
    pub media_type: MediaType,
    /// Of its bytes.
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
}

/// How an image came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Made by a build: kept until its name is removed.
    Built,
    /// From a registry: a cache, which can be fetched again.
    Pulled,
    /// From a file: kept until its name is removed.
    Imported,
}

impl Store {
    /// What `reference` stands for here.
    pub fn name(&self, reference: &Reference) -> Result<Option<Name>, Error> {
        let _ = reference;
        todo!()
    }

    /// Makes `reference` stand for `name`, in place of what it stood for.
    pub fn set_name(&self, reference: &Reference, name: &Name) -> Result<(), Error> {
        let _ = (reference, name);
        todo!()
    }

    /// Removes a name; false if there was none. What it kept stays until the next prune.
    pub fn remove_name(&self, reference: &Reference) -> Result<bool, Error> {
        let _ = reference;
        todo!()
    }

    /// All names, sorted.
    pub fn names(&self) -> Result<Vec<(Reference, Name)>, Error> {
        todo!()
    }
}
