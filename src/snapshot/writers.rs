//! Threads that write small files whose bytes are here, beside whoever reads those.

use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::cursor::{Cursor, Parents};
use super::error::Error;
use super::file::{check, write_whole};
use super::flushing::Flushing;
use super::metadata::Owners;
use crate::tree::Entry;

/// LIMIT: files up to this size are handed to other threads, larger ones are written by the thread that reads them.
pub(super) const SMALL: u64 = 256 * 1024;
/// LIMIT: files, and bytes, that are handed over at once; one by one would cost more than it saves.
const BATCH: (usize, usize) = (64, 512 * 1024);
/// LIMIT: batches waiting to be written; with `BATCH` it bounds the memory.
const QUEUE: usize = 2;
/// LIMIT: creating files does not get faster with more threads than this.
const MOST: usize = 4;

/// How files are written.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    /// Who owns them.
    pub owners: Owners,
    /// Whether their directories are there.
    pub parents: Parents,
}

/// Some files, and their bytes one after the other.
#[derive(Default)]
pub(super) struct Batch {
    files: Vec<(Entry, Blame, Range<usize>)>,
    /// Of the files, and of the one that is to be added next.
    pub bytes: Vec<u8>,
}

/// Which layer of the chain is damaged if a file's bytes are not those of its entry; none if they were compared.
pub(super) type Blame = Option<usize>;

impl Batch {
    fn with_room() -> Batch {
        Batch { files: Vec::with_capacity(BATCH.0), bytes: Vec::with_capacity(BATCH.1 + SMALL as usize) }
    }

    /// Adds a file whose bytes are the last ones, from `start` on.
    pub(super) fn push(&mut self, entry: Entry, blame: Blame, start: usize) {
        self.files.push((entry, blame, start..self.bytes.len()));
    }

    /// Whether it is time to hand it over.
    pub(super) fn is_full(&self) -> bool {
        self.files.len() >= BATCH.0 || self.bytes.len() >= BATCH.1
    }

    fn write(&self, root: &OwnedFd, manner: Manner, stop: &dyn Fn() -> bool) -> Result<(), Error> {
        let mut cursor = Cursor::with(root.as_fd(), manner.parents);
        for (entry, blame, range) in &self.files {
            if stop() {
                return Ok(());
            }
            let bytes = &self.bytes[range.clone()];
            if let Some(layer) = *blame {
                check(entry, bytes, layer)?;
            }
            write_whole(&mut cursor, entry, bytes, manner.owners)?;
        }
        Ok(())
    }
}

/// The threads, started when there is something for them.
pub(super) struct Writers {
    root: Arc<OwnedFd>,
    manner: Manner,
    failure: Arc<Failure>,
    flushing: Option<Arc<Flushing>>,
    pool: Option<Pool>,
}

struct Pool {
    batches: SyncSender<Batch>,
    /// Empty ones, with their memory.
    written: Receiver<Batch>,
    threads: Vec<JoinHandle<()>>,
}

/// The first failure of any thread.
#[derive(Default)]
struct Failure {
    is_there: AtomicBool,
    error: Mutex<Option<Error>>,
}

impl Failure {
    fn set(&self, error: Error) {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.is_there.store(true, Ordering::Relaxed);
    }

    fn is_there(&self) -> bool {
        self.is_there.load(Ordering::Relaxed)
    }
}

impl Writers {
    /// Writes below `root`, and tells `flushing` how much.
    pub(super) fn new(root: Arc<OwnedFd>, manner: Manner, flushing: Option<Arc<Flushing>>) -> Writers {
        Writers { root, manner, failure: Arc::default(), flushing, pool: None }
    }

    /// Whether something could not be written: nothing more need be sent.
    pub(super) fn has_failed(&self) -> bool {
        self.failure.is_there()
    }

    /// Says what went wrong elsewhere.
    pub(super) fn fail(&self, error: Error) {
        self.failure.set(error);
    }

    /// Hands a full batch to a thread, and waits while all are behind; leaves an empty one.
    pub(super) fn send(&mut self, batch: &mut Batch) {
        let pool = self.pool.get_or_insert_with(|| {
            let (batches, receive) = sync_channel(QUEUE);
            let receive = Arc::new(Mutex::new(receive));
            let count = std::thread::available_parallelism().map_or(1, |n| n.get().min(MOST));
            let (back, written) = sync_channel(QUEUE + count);
            let start = |_| {
                let (root, failure) = (Arc::clone(&self.root), Arc::clone(&self.failure));
                let (manner, receive, back) = (self.manner, Arc::clone(&receive), back.clone());
                std::thread::spawn(move || work(&root, manner, &failure, &receive, &back))
            };
            Pool { batches, written, threads: (0..count).map(start).collect() }
        });
        if let Some(flushing) = &self.flushing {
            flushing.wrote(batch.bytes.len() as u64);
        }
        // New memory is given by the kernel page by page, which would cost as much as writing the files' pages.
        let next = pool.written.try_recv().unwrap_or_else(|_| Batch::with_room());
        // It fails when all threads have died, which is told when they are joined.
        let _ = pool.batches.send(std::mem::replace(batch, next));
    }

    /// Writes the last batch, and waits for the others.
    pub(super) fn finish(mut self, mut last: Batch) -> Result<(), Error> {
        match self.pool {
            // Few files are not worth a thread.
            None => {
                if let Err(error) = last.write(&self.root, self.manner, &|| self.failure.is_there()) {
                    self.failure.set(error);
                }
            }
            Some(_) => self.send(&mut last),
        }
        self.join();
        match self.failure.error.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn join(&mut self) {
        let Some(Pool { batches, threads, .. }) = self.pool.take() else { return };
        drop(batches);
        for thread in threads {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    }
}

impl Drop for Writers {
    /// Nobody writes there any more when this is gone.
    fn drop(&mut self) {
        if let Some(Pool { batches, threads, .. }) = self.pool.take() {
            drop(batches);
            threads.into_iter().for_each(|thread| drop(thread.join()));
        }
    }
}

fn work(
    root: &OwnedFd,
    manner: Manner,
    failure: &Failure,
    batches: &Mutex<Receiver<Batch>>,
    written: &SyncSender<Batch>,
) {
    loop {
        let next = batches.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(mut batch) = next else { return };
        // After a failure the queue is only emptied, so that the reader is never stuck.
        if let Err(error) = batch.write(root, manner, &|| failure.is_there()) {
            failure.set(error);
        }
        batch.files.clear();
        batch.bytes.clear();
        let _ = written.try_send(batch);
    }
}
