//! Records that wait until it is known that what their steps stood on was as it should be.
//!
//! Directories that an earlier build made are looked at beside the first steps that stand on them. What these steps left is
//! used by the steps that follow, but is recorded only when the answer is good; if it is not, everything is done again.

use std::sync::{Mutex, PoisonError};

use crate::oci::{DiffId, Digest};
use crate::snapshot::Known;
use crate::store::{Flight, Store};
use crate::worker::{Error, Worker};

/// A record to be written.
pub struct Kept {
    /// The right to write it: who waits for the same step finds the record.
    pub flight: Flight,
    /// The step's key.
    pub key: Digest,
    /// The record.
    pub record: Vec<u8>,
    /// The layer that it names.
    pub layer: DiffId,
}

/// Records in the order in which their steps were done.
#[derive(Default)]
pub struct Waiting(Mutex<Vec<Kept>>);

impl Waiting {
    /// Writes a record, now or later.
    pub fn put(&self, worker: &Worker<'_>, kept: Kept) -> Result<(), Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
        match self.write(worker)? {
            true => Ok(()),
            false => Err(Error::RootChanged),
        }
    }

    /// Writes what can be written by now; false if none of it ever will.
    pub fn write(&self, worker: &Worker<'_>) -> Result<bool, Error> {
        match worker.roots() {
            Known::Unchanged => self.write_all(worker.store).map(|()| true),
            Known::NotYet => Ok(true),
            Known::Changed => Ok(false),
        }
    }

    /// Waits until it is known, and writes the records or drops them.
    pub fn settle(&self, worker: &Worker<'_>) -> Result<(), Error> {
        if worker.settle_roots()? == 0 {
            return self.write_all(worker.store);
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
        Err(Error::RootChanged)
    }

    fn write_all(&self, store: &Store) -> Result<(), Error> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for Kept { flight, key, record, layer } in waiting.drain(..) {
            store.put_record(&key, &record, &[layer])?;
            // ORDER: not before the record is there to be found.
            drop(flight);
        }
        Ok(())
    }
}
