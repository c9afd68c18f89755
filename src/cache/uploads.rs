//! Layers on their way into one cache, beside whatever else is done; the records come last.
//!
//! Whoever has made a layer adds it, and goes on. A few threads send what was added, and end when there is nothing more.
//! At the end [`Uploads::finish`] adds what is missing, waits, and writes the records: nothing names a layer before the cache
//! has it, so that a build that is killed leaves blobs that nobody knows of, and no more than that.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::document::{Document, KnownLayer, Recorded, Selection};
use super::error::Error;
use super::export::{Exporter, Sent};
use super::merge::adds;
use crate::oci::DiffId;

/// LIMIT: as many as a registry client transfers at once.
const AT_ONCE: usize = 4;

/// What is written of a build.
pub struct Share {
    /// Records, the last step first.
    pub records: Vec<Recorded>,
    /// What was selected of layers.
    pub selections: Vec<Selection>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Layers that had to be sent.
    pub sent: usize,
    /// How many of them before the end.
    pub early: usize,
    /// Records that the cache has of this build.
    pub records: usize,
    /// Whether there was anything that the cache did not have.
    pub is_new: bool,
}

/// The queue of one cache, and the threads that empty it.
pub struct Uploads(Arc<Shared>);

struct Shared {
    exporter: Exporter,
    canceled: Box<dyn Fn() -> bool + Send + Sync>,
    /// What the cache says: asked once, by whoever needs it first, while the others wait.
    there: Mutex<Option<Arc<Document>>>,
    /// Nothing more is to be sent: something failed, or nobody wants it any more.
    over: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<DiffId>,
    /// All that were added, but for those that are looked at again when they are added again.
    added: BTreeSet<DiffId>,
    /// Those that the cache has.
    done: BTreeMap<DiffId, KnownLayer>,
    sent: usize,
    working: usize,
    threads: Vec<JoinHandle<()>>,
    /// Whether what cannot be sent now never will be.
    is_last: bool,
    failure: Option<Error>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Uploads {
    /// With an empty queue and no thread. Sending ends soon after `canceled` says so.
    pub fn new(exporter: Exporter, canceled: impl Fn() -> bool + Send + Sync + 'static) -> Uploads {
        let (canceled, there) = (Box::new(canceled), Mutex::default());
        let (over, state) = (AtomicBool::new(false), Mutex::default());
        Uploads(Arc::new(Shared { exporter, canceled, there, over, state }))
    }

    /// The place, as the user wrote it.
    pub fn name(&self) -> String {
        self.0.exporter.place.name()
    }

    /// Whether the place is a repository of this registry.
    pub fn is_in(&self, registry: &str) -> bool {
        let repository = self.0.exporter.place.repository();
        repository.is_some_and(|name| name.split('/').next() == Some(registry))
    }

    /// Sends a layer some time soon, if it is here. What only a cache has waits for the end: a step may yet bring it.
    pub fn add(&self, layer: DiffId) {
        if !self.0.is_over() {
            self.0.add(layer);
        }
    }

    /// Waits until nothing is on its way.
    pub fn wait(&self) {
        loop {
            let threads = std::mem::take(&mut locked(&self.0.state).threads);
            if threads.is_empty() {
                return;
            }
            for thread in threads {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            }
        }
    }

    /// Sends what is left of the layers of `share`, and then writes it. Layers that neither the store nor a cache has any
    /// more are left out with their records.
    ///
    /// What could not be sent beside the steps is tried once more, beginning with the question whether anybody is there; what
    /// fails from now on is not.
    pub fn finish(&self, share: &Share) -> Result<Exported, Error> {
        let shared = &self.0;
        let has_failed = shared.over.load(Ordering::SeqCst);
        self.wait();
        let early = {
            let mut state = locked(&shared.state);
            match state.failure.take() {
                Some(error) if !has_failed => return Err(error),
                _ => {}
            }
            if has_failed {
                *locked(&shared.there) = None;
                shared.over.store(false, Ordering::SeqCst);
            }
            state.is_last = true;
            state.sent
        };
        let there = shared.there()?;
        share.records.iter().for_each(|record| shared.add(record.layer));
        self.wait();
        let mut state = locked(&shared.state);
        state.is_last = false;
        if let Some(error) = state.failure.take() {
            return Err(error);
        }
        let mut keys = BTreeSet::new();
        let mut document = Document { selections: share.selections.clone(), ..Document::default() };
        for record in &share.records {
            if let Some(known) = state.done.get(&record.layer)
                && keys.insert(record.key)
            {
                document.records.push(*record);
                document.layers.entry(record.layer).or_insert_with(|| known.clone());
            }
        }
        let (sent, records) = (state.sent, document.records.len());
        drop(state);
        // What was there a while ago still is, so that a build with nothing new asks no more.
        let is_new =
            adds(&document, &there) && shared.exporter.place.publish(&document, &|| shared.is_over())?;
        Ok(Exported { sent, early, records, is_new })
    }
}

impl Drop for Uploads {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::SeqCst);
        for thread in std::mem::take(&mut locked(&self.0.state).threads) {
            // Whatever it could not do, nobody asks for it any more.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst) || (self.canceled)()
    }

    fn add(self: &Arc<Self>, layer: DiffId) {
        let mut state = locked(&self.state);
        if state.added.insert(layer) {
            state.queue.push_back(layer);
        }
        let wanted = AT_ONCE.min(state.working + state.queue.len());
        while state.working < wanted {
            let shared = Arc::clone(self);
            state.working += 1;
            state.threads.push(std::thread::spawn(move || shared.work()));
        }
    }

    /// Sends until there is nothing more to send.
    fn work(&self) {
        loop {
            let (layer, is_last) = {
                let mut state = locked(&self.state);
                let next = if self.is_over() { None } else { state.queue.pop_front() };
                let Some(next) = next else {
                    state.working -= 1;
                    return;
                };
                (next, state.is_last)
            };
            let result = self.send(layer, is_last);
            let mut state = locked(&self.state);
            match result {
                Ok(Some(Sent { known, is_sent })) => {
                    state.done.insert(layer, known);
                    state.sent += usize::from(is_sent);
                }
                Ok(None) => drop(state.added.remove(&layer)),
                // Something of this machine, which a step may yet mend.
                Err(Error::Store(_) | Error::Layer { .. }) if !is_last => drop(state.added.remove(&layer)),
                Err(error) => {
                    self.over.store(true, Ordering::SeqCst);
                    state.added.remove(&layer);
                    // Of several failures the one that ended the others counts.
                    state.failure.get_or_insert(error);
                }
            }
        }
    }

    fn send(&self, layer: DiffId, is_last: bool) -> Result<Option<Sent>, Error> {
        let there = self.there()?;
        let Exporter { imported, place, .. } = &self.exporter;
        if let Some(known) = there.layers.get(&layer).filter(|_| !imported.doubts(place, layer)) {
            // What it says of a layer may turn out to be untrue until the last step is done.
            return Ok(is_last.then(|| Sent { known: known.clone(), is_sent: false }));
        }
        let canceled = || self.is_over();
        match is_last {
            true => self.exporter.anywhere(layer, &canceled),
            false => self.exporter.here(layer, &canceled),
        }
    }

    fn there(&self) -> Result<Arc<Document>, Error> {
        let mut there = locked(&self.there);
        if self.is_over() {
            // Whoever had the lock before may have failed: it is not tried again by each.
            return Err(Error::Canceled);
        }
        if let Some(there) = &*there {
            return Ok(Arc::clone(there));
        }
        let current = Arc::new(self.exporter.place.current()?);
        *there = Some(Arc::clone(&current));
        Ok(current)
    }
}
