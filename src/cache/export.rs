//! Layers and records of a build into a cache: blobs a few at once, records last.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::blobs::{Made, make};
use super::document::{Document, KnownLayer, Recorded, Selection};
use super::error::Error;
use super::import::Imported;
use super::place::{Bytes, Place, Upload};
use crate::layer::Compression;
use crate::oci::DiffId;
use crate::registry::in_parallel;
use crate::store::{LayerSource, Store};

/// Whatever it takes to write a cache.
pub struct Exporter<'a> {
    /// Where the layers are.
    pub store: &'a Store,
    /// Where they are that are not there.
    pub imported: &'a Imported,
    /// Where they go.
    pub place: &'a dyn Place,
    /// How layers are compressed that are not compressed yet.
    pub compression: Compression,
    /// Whether to stop.
    pub canceled: &'a (dyn Fn() -> bool + Sync),
}

/// What is written.
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
    /// Records that the cache has of this build.
    pub records: usize,
    /// Whether there was anything that the cache did not have.
    pub is_new: bool,
}

impl Exporter<'_> {
    /// Writes `share`. Layers that neither the store nor a cache has any more are left out with their records.
    pub fn export(&self, share: &Share) -> Result<Exported, Error> {
        let there = match self.place.load() {
            Ok(document) => document,
            Err(error @ (Error::Registry(_) | Error::File { .. } | Error::Canceled)) => return Err(error),
            // Publishing says what is wrong, if anything is.
            Err(_) => Document::default(),
        };
        let wanted: BTreeSet<DiffId> = share.records.iter().map(|record| record.layer).collect();
        let wanted: Vec<DiffId> = wanted.into_iter().collect();
        let directory = self.store.temp_dir()?;
        let sent = AtomicUsize::new(0);
        let layers = in_parallel(&wanted, |diff_id| {
            if (self.canceled)() {
                return Err(Error::Canceled);
            }
            if let Some(known) = there.layers.get(diff_id) {
                return Ok(Some((*diff_id, known.clone())));
            }
            let known = self.layer(*diff_id, directory.path(), &sent)?;
            Ok(known.map(|known| (*diff_id, known)))
        })?;
        let layers: BTreeMap<DiffId, KnownLayer> = layers.into_iter().flatten().collect();
        let mut keys = BTreeSet::new();
        let is_whole = |record: &&Recorded| layers.contains_key(&record.layer);
        let records: Vec<Recorded> = share.records.iter().filter(is_whole).copied().collect();
        let records: Vec<Recorded> = records.into_iter().filter(|record| keys.insert(record.key)).collect();
        let (count, selections) = (records.len(), share.selections.clone());
        let document = Document { records, selections, layers, ..Document::default() };
        let is_new = self.place.publish(&document, self.canceled)?;
        Ok(Exported { sent: sent.into_inner(), records: count, is_new })
    }

    fn layer(
        &self,
        diff_id: DiffId,
        directory: &Path,
        sent: &AtomicUsize,
    ) -> Result<Option<KnownLayer>, Error> {
        if let Some(layer) = self.store.layer(diff_id)? {
            let Made { known, blob, list } = make(self.store, &layer, self.compression, directory)?;
            let open = || Ok(Bytes::File(blob.try_clone()?));
            let mut from = self.store.blob_origins(&known.blob)?;
            from.extend(self.imported.remote(diff_id).into_iter().flat_map(|remote| remote.places.clone()));
            self.put(known.blob, known.size, from, &open, sent)?;
            self.put_list(&known, list)?;
            if let Some(repository) = self.place.repository() {
                self.store.note_blob_origin(&known.blob, diff_id, &repository)?;
            }
            return Ok(Some(known));
        }
        let (Some(remote), Some(mut known)) =
            (self.imported.remote(diff_id), self.imported.known_layer(diff_id))
        else {
            return Ok(None);
        };
        let open = || {
            let mut file = tempfile::tempfile_in(directory)?;
            let fetched = self.imported.fetch(&remote, &mut file, &|_| (), self.canceled);
            fetched.map_err(io::Error::other)?;
            io::Seek::rewind(&mut file)?;
            Ok(Bytes::File(file))
        };
        self.put(known.blob, known.size, remote.places.clone(), &open, sent)?;
        match self.imported.list_bytes(diff_id) {
            Some(list) => self.put_list(&known, list)?,
            None => known.list = None,
        }
        Ok(Some(known))
    }

    fn put(
        &self,
        digest: crate::oci::Digest,
        size: u64,
        from: Vec<String>,
        open: &(dyn Fn() -> io::Result<Bytes> + Sync),
        sent: &AtomicUsize,
    ) -> Result<(), Error> {
        let is_sent = self.place.put(&Upload { digest, size, from, open }, self.canceled)?;
        sent.fetch_add(usize::from(is_sent), Ordering::Relaxed);
        Ok(())
    }

    fn put_list(&self, known: &KnownLayer, list: Vec<u8>) -> Result<(), Error> {
        let Some((digest, size)) = known.list else { return Ok(()) };
        let open = || Ok(Bytes::Memory(list.clone()));
        self.place.put(&Upload { digest, size, from: Vec::new(), open: &open }, self.canceled).map(|_| ())
    }
}
