//! What is recorded of a step: which layer it made, and what its key was made of.

use serde::{Deserialize, Serialize};

use crate::graph::PreImage;
use crate::oci::DiffId;
use crate::worker::Made;

/// The record of one step, under its key. Opaque to the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// The layer.
    pub layer: DiffId,
    /// Whether a process made it.
    pub ran: bool,
    /// All that the key is the hash of, so that a miss can be explained.
    pub pre_image: PreImage,
}

/// What a look-up wants of a record. The pre-image is passed over: to take it apart costs more than all the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Answer {
    /// The layer.
    pub layer: DiffId,
    /// Whether a process made it.
    ran: bool,
}

impl KeyRecord {
    /// The record's bytes.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a record has only string keys")
    }
}

impl Answer {
    /// Reads a record; none if it is of another form: then the step is done again.
    pub fn decode(bytes: &[u8]) -> Option<Answer> {
        serde_json::from_slice(bytes).ok()
    }

    /// How the layer came to be.
    pub fn made(&self) -> Made {
        if self.ran { Made::Ran } else { Made::Copied }
    }
}
