//! The end that comes from outside: Ctrl-C, SIGTERM, SIGHUP.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::error::Error;
use crate::sandbox::{Cancel, Relay, Signal};
use crate::store::Store;

/// Ends a build, from any thread. A build may make several attempts, each with a [`Cancel`] of its own.
#[derive(Default)]
pub struct Interrupt {
    fired: AtomicBool,
    current: Mutex<Option<Cancel>>,
    store: Mutex<Option<Store>>,
    relay: Relay,
}

impl Interrupt {
    /// Takes a signal: the process of `rbuild run` gets it, if there is one; anything else ends.
    pub fn take(&self, signal: Signal) {
        if !self.relay.pass(signal) {
            self.fire();
        }
    }

    pub(super) fn relay(&self) -> Relay {
        self.relay.clone()
    }

    /// Ends the running attempt, and every later one at once.
    pub fn fire(&self) {
        self.fired.store(true, Ordering::SeqCst);
        if let Some(cancel) = &*self.current.lock().unwrap_or_else(PoisonError::into_inner) {
            cancel.fire();
        }
        if let Some(store) = &*self.store.lock().unwrap_or_else(PoisonError::into_inner) {
            store.interrupt();
        }
    }

    /// Ends what is read from and written to `store`, too, so that no copy of a large file delays the end.
    pub fn covers(&self, store: &Store) {
        *self.store.lock().unwrap_or_else(PoisonError::into_inner) = Some(store.clone());
        if self.is_fired() {
            store.interrupt();
        }
    }

    /// Whether it was fired.
    pub fn is_fired(&self) -> bool {
        self.fired.load(Ordering::SeqCst)
    }

    /// The token of a new attempt.
    pub(super) fn attempt(&self) -> Result<Cancel, Error> {
        let cancel = Cancel::new().map_err(Error::io("making an event descriptor"))?;
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(cancel.clone());
        // Fired between the two lines or before: the store above comes first, so one of the two sees the other.
        if self.is_fired() {
            cancel.fire();
        }
        Ok(cancel)
    }
}
