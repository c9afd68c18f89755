//! Writes the files of one layer, as their bytes come in.

use std::io::{self, Read};
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use super::cursor::{Cursor, Parents};
use super::error::Error;
use super::fetch::Fetch;
use super::file::write_file;
use super::metadata::Owners;
use super::recipe::Item;
use super::writers::{Batch, Manner, SMALL, Writers};
use crate::tree::Kind;

/// Index in the layer's list, and number of the item; sorted.
pub(super) type Wanted = Vec<(usize, usize)>;

/// Fetches and writes the `wanted` files of layer number `layer`.
pub(super) fn write_files(
    root: BorrowedFd<'_>,
    items: &[Item],
    layer: usize,
    wanted: &Wanted,
    fetch: &dyn Fetch,
    owners: Owners,
) -> Result<(), Error> {
    let shared = root.try_clone_to_owned().map_err(|source| Error::Fetch { layer, source })?;
    let mut writers = Writers::new(Arc::new(shared), Manner { owners, parents: Parents::AreThere }, None);
    let indices: Vec<usize> = wanted.iter().map(|(index, _)| *index).collect();
    let mut seen = 0;
    let mut cursor = Cursor::new(root);
    let mut batch = Batch::default();
    let stop = || io::Error::other("writing the snapshot failed");
    let visited = fetch.fetch(layer, &indices, &mut |index, bytes| {
        if writers.has_failed() {
            return Err(stop());
        }
        let at = wanted.binary_search_by_key(&index, |(index, _)| *index).map_err(|_| stop())?;
        let entry = &items[wanted[at].1].entry;
        seen += 1;
        let Kind::File { size, .. } = entry.kind else { return Err(stop()) };
        if size > SMALL {
            return write_file(&mut cursor, entry, bytes, layer, owners).map_err(|error| {
                writers.fail(error);
                stop()
            });
        }
        let start = batch.bytes.len();
        // As much memory as there are bytes, and no more: `read_to_end` touches twice as much of what is new.
        batch.bytes.resize(start + size as usize, 0);
        let read = read_all(bytes, &mut batch.bytes[start..])?;
        batch.bytes.truncate(start + read);
        // A byte more than there should be is noticed as one that is missing is: it is not the entry's content.
        bytes.take(1).read_to_end(&mut batch.bytes)?;
        batch.push(entry.clone(), Some(layer), start);
        if batch.is_full() {
            writers.send(&mut batch);
        }
        Ok(())
    });
    writers.finish(batch)?;
    visited.map_err(|source| Error::Fetch { layer, source })?;
    if seen != wanted.len() {
        let source = io::Error::other(format!("{seen} of {} files were found", wanted.len()));
        return Err(Error::Fetch { layer, source });
    }
    Ok(())
}

/// Fills `buffer` as far as there are bytes; how far.
fn read_all(bytes: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match bytes.read(&mut buffer[read..]) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(read)
}
