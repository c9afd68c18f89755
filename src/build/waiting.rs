//! Records that wait until it is known that what their steps stood on was as it should be.
//!
//! Directories that an earlier build made are looked at beside the first steps that stand on them. What these steps left is
//! used by the steps that follow, but is recorded only when the answer is good; if it is not, everything is done again.

use std::collections::VecDeque;
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
pub struct Waiting(Mutex<VecDeque<Kept>>);

impl Waiting {
    /// Takes a record. Whoever takes it must soon call [`Waiting::write`]: there is time while the next process runs.
    pub fn put(&self, worker: &Worker<'_>, kept: Kept) -> Result<(), Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(kept);
        match worker.roots() {
            Known::Unchanged | Known::NotYet => Ok(()),
            Known::Changed => Err(Error::RootChanged),
        }
    }

    /// Writes what can be written by now, the layers first; false if none of the records ever will.
    pub fn write(&self, worker: &Worker<'_>) -> Result<bool, Error> {
        match worker.roots() {
            Known::Unchanged => self.write_all(worker.store).map(|()| true),
            Known::NotYet => Ok(worker.store.write_held().map(|()| true)?),
            Known::Changed => Ok(false),
        }
    }

    /// Whether the last record that waits is that of `layer`'s step.
    pub fn ends_with(&self, layer: DiffId) -> bool {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.back().is_some_and(|kept| kept.layer == layer)
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
        // ORDER: a record that can be read has all that it speaks of.
        store.write_held()?;
        while let Some(kept) = waiting.pop_front() {
            if let Err(error) = store.put_record(&kept.key, &kept.record, &[kept.layer]) {
                waiting.push_front(kept);
                return Err(error.into());
            }
            // ORDER: not before the record is there to be found.
            drop(kept.flight);
        }
        Ok(())
    }
}
