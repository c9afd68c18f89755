//! Writes the files of one layer, as their bytes come in, with several threads.

use std::io::{self, Read};
use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};

use super::cursor::Cursor;
use super::error::Error;
use super::fetch::Fetch;
use super::file::write_file;
use super::metadata::Owners;
use super::recipe::Item;
use crate::tree::Kind;

/// LIMIT: files up to this size are handed to other threads, larger ones are written by the thread that reads them.
const SMALL: u64 = 256 * 1024;
/// LIMIT: files, and bytes, that are handed over at once; one by one would cost more than it saves.
const BATCH: (usize, usize) = (64, 1 << 20);
/// LIMIT: batches waiting to be written; with `BATCH` it bounds the memory.
const QUEUE: usize = 4;
/// LIMIT: creating files does not get faster with more threads than this.
const WRITERS: usize = 4;

/// Index in the layer's list, and number of the item; sorted.
pub(super) type Wanted = Vec<(usize, usize)>;

#[derive(Default)]
struct Batch {
    files: Vec<(usize, Range<usize>)>,
    bytes: Vec<u8>,
}

/// The first failure of any thread.
#[derive(Default)]
struct Failure {
    is_there: AtomicBool,
    error: Mutex<Option<Error>>,
}

impl Failure {
    fn set(&self, error: Error) {
        self.error.lock().unwrap_or_else(|e| e.into_inner()).get_or_insert(error);
        self.is_there.store(true, Ordering::Relaxed);
    }

    fn is_there(&self) -> bool {
        self.is_there.load(Ordering::Relaxed)
    }
}

/// Fetches and writes the `wanted` files of layer number `layer`.
pub(super) fn write_files(
    root: BorrowedFd<'_>,
    items: &[Item],
    layer: usize,
    wanted: &Wanted,
    fetch: &dyn Fetch,
    owners: Owners,
) -> Result<(), Error> {
    let writers = match wanted.len() {
        0..16 => 0,
        _ => std::thread::available_parallelism().map_or(1, |n| n.get().min(WRITERS)),
    };
    let failure = Failure::default();
    let (send, receive) = sync_channel::<Batch>(QUEUE);
    let receive = Mutex::new(receive);
    let indices: Vec<usize> = wanted.iter().map(|(index, _)| *index).collect();
    let mut seen = 0;
    let visited = std::thread::scope(|scope| {
        for _ in 0..writers {
            scope.spawn(|| write_batches(root, items, &receive, &failure, owners));
        }
        let mut cursor = Cursor::new(root);
        let mut batch = Batch::default();
        let stop = || io::Error::other("writing the snapshot failed");
        let visited = fetch.fetch(layer, &indices, &mut |index, bytes| {
            if failure.is_there() {
                return Err(stop());
            }
            let at = wanted.binary_search_by_key(&index, |(index, _)| *index).map_err(|_| stop())?;
            let number = wanted[at].1;
            seen += 1;
            let Kind::File { size, .. } = items[number].entry.kind else { return Err(stop()) };
            if writers == 0 || size > SMALL {
                return write_file(&mut cursor, &items[number], bytes, owners).map_err(|error| {
                    failure.set(error);
                    stop()
                });
            }
            let start = batch.bytes.len();
            // One byte more than there should be, to notice that there are too many.
            bytes.take(size + 1).read_to_end(&mut batch.bytes)?;
            batch.files.push((number, start..batch.bytes.len()));
            if batch.files.len() < BATCH.0 && batch.bytes.len() < BATCH.1 {
                return Ok(());
            }
            send.send(std::mem::take(&mut batch)).map_err(|_| stop())
        });
        let visited = visited.and_then(|()| send.send(batch).map_err(|_| stop()));
        drop(send);
        visited
    });
    if let Some(error) = failure.error.into_inner().unwrap_or_else(|e| e.into_inner()) {
        return Err(error);
    }
    visited.map_err(|source| Error::Fetch { layer, source })?;
    if seen != wanted.len() {
        let source = io::Error::other(format!("{seen} of {} files were found", wanted.len()));
        return Err(Error::Fetch { layer, source });
    }
    Ok(())
}

fn write_batches(
    root: BorrowedFd<'_>,
    items: &[Item],
    batches: &Mutex<Receiver<Batch>>,
    failure: &Failure,
    owners: Owners,
) {
    let mut cursor = Cursor::new(root);
    loop {
        let next = batches.lock().unwrap_or_else(|e| e.into_inner()).recv();
        let Ok(batch) = next else { return };
        for (number, range) in batch.files {
            // After a failure the queue is only emptied, so that the reader is never stuck.
            if failure.is_there() {
                break;
            }
            if let Err(error) = write_file(&mut cursor, &items[number], &mut &batch.bytes[range], owners) {
                failure.set(error);
            }
        }
    }
}
