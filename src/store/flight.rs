//! Flights: of all processes that miss a key, one performs the step and the others wait for it.

use super::error::Error;
use super::store::Store;
use crate::oci::Digest;

/// The right to perform a step alone; given up when dropped, or when the process dies.
pub struct Flight {
    waited: bool,
}

impl Flight {
    /// Whether somebody else held it first: look for the record again.
    pub fn waited(&self) -> bool {
        self.waited
    }
}

impl Store {
    /// Takes the flight of `key`, waiting for who has it; none if `canceled` says so meanwhile.
    pub fn flight(&self, key: &Digest, canceled: &dyn Fn() -> bool) -> Result<Option<Flight>, Error> {
        let _ = (key, canceled);
        todo!()
    }
}
