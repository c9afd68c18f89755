//! Events held back until it is known whether they happen here or in another process.

use std::sync::{Mutex, PoisonError};

use crate::progress::{Event, Sink};

/// A sink that keeps events until they are released or dropped.
pub struct Held<'a> {
    sink: &'a dyn Sink,
    /// None once released: events pass.
    held: Mutex<Option<Vec<Event>>>,
}

impl<'a> Held<'a> {
    /// Holds back what is meant for `sink`.
    pub fn new(sink: &'a dyn Sink) -> Held<'a> {
        Held { sink, held: Mutex::new(Some(Vec::new())) }
    }

    /// Lets everything through, now and from now on.
    pub fn release(&self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        // Sent under the lock, so that no later event overtakes them.
        held.take().into_iter().flatten().for_each(|event| self.sink.send(event));
    }
}

impl Sink for Held<'_> {
    fn send(&self, event: Event) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *held {
            Some(events) => events.push(event),
            None => {
                drop(held);
                self.sink.send(event);
            }
        }
    }
}
