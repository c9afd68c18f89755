//! Flights: of all processes that miss a key, one performs the step and the others wait for it.

use super::error::Error;
use super::lock::{Lock, Mode};
use super::open::Store;
use crate::oci::Digest;

/// The right to perform a step alone; given up when dropped, or when the process dies.
#[derive(Debug)]
pub struct Flight {
    lock: Option<Lock>,
    waited: bool,
}

impl Flight {
    /// Whether somebody else held it first: look for the record again.
    pub fn waited(&self) -> bool {
        self.waited
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if let Some(lock) = self.lock.take() {
            lock.remove();
        }
    }
}

impl Store {
    /// Takes the flight of `key`, waiting for who has it; none if `canceled` says so meanwhile.
    pub fn flight(&self, key: &Digest, canceled: &dyn Fn() -> bool) -> Result<Option<Flight>, Error> {
        let path = self.disk.layout.flight(key);
        let taken = Lock::wait_unless(&path, Mode::Exclusive, canceled)?;
        Ok(taken.map(|(lock, waited)| Flight { lock: Some(lock), waited }))
    }
}
