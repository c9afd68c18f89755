//! One layer into a cache: in the form in which the cache is to have it, with its list of files.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::blobs::{Made, make};
use super::document::KnownLayer;
use super::error::Error;
use super::import::{Imported, Source};
use super::place::{Bytes, Upload};
use crate::layer::Compression;
use crate::oci::{DiffId, Digest, Hashing};
use crate::registry::with_causes;
use crate::store::{Layer, LayerSource as _, Store};

/// Whatever it takes to send layers.
pub struct Exporter {
    /// Where they are.
    pub store: Store,
    /// Where they are that are not there.
    pub imported: Arc<Imported>,
    /// Where they go.
    pub place: Source,
    /// How they are compressed that are not compressed yet.
    pub compression: Compression,
}

/// A layer that the cache has now.
pub(super) struct Sent {
    /// It, as the cache has it.
    pub known: KnownLayer,
    /// Whether its blob had to be sent.
    pub is_sent: bool,
}

type Canceled<'a> = &'a (dyn Fn() -> bool + Sync);

impl Exporter {
    /// Sends a layer that is here; none if it is not.
    pub(super) fn here(&self, diff_id: DiffId, canceled: Canceled<'_>) -> Result<Option<Sent>, Error> {
        match self.store.layer(diff_id)? {
            Some(layer) => self.of_store(&layer, canceled).map(Some),
            None => Ok(None),
        }
    }

    /// Sends a layer from wherever it is; none if neither the store nor a cache has it any more.
    pub(super) fn anywhere(&self, diff_id: DiffId, canceled: Canceled<'_>) -> Result<Option<Sent>, Error> {
        match self.here(diff_id, canceled)? {
            Some(sent) => Ok(Some(sent)),
            None => self.of_cache(diff_id, canceled),
        }
    }

    fn of_store(&self, layer: &Layer, canceled: Canceled<'_>) -> Result<Sent, Error> {
        let diff_id = layer.diff_id;
        let Made { known, blob, list } = make(&self.store, layer, self.compression, canceled)?;
        let open = || Ok(Bytes::File(blob.try_clone()?));
        let mut from = self.store.blob_origins(&known.blob)?;
        from.extend(self.imported.remote(diff_id).into_iter().flat_map(|remote| remote.places.clone()));
        let is_sent = self.put(known.blob, known.size, from, &open, canceled)?;
        self.put_list(&known, list, canceled)?;
        if let Some(repository) = self.place.repository() {
            self.store.note_blob_origin(&known.blob, diff_id, &repository)?;
        }
        Ok(Sent { known, is_sent })
    }

    fn of_cache(&self, diff_id: DiffId, canceled: Canceled<'_>) -> Result<Option<Sent>, Error> {
        let (Some(remote), Some(mut known)) =
            (self.imported.remote(diff_id), self.imported.known_layer(diff_id))
        else {
            return Ok(None);
        };
        let is_gone = AtomicBool::new(false);
        let open = || {
            let directory = self.store.temp_dir().map_err(io::Error::other)?;
            let mut file = tempfile::tempfile_in(directory.path())?;
            if let Err(error) = self.imported.fetch(&remote, &mut Hashing::new(&mut file), &|_| (), canceled)
            {
                is_gone.store(!canceled(), Ordering::Relaxed);
                return Err(io::Error::other(error));
            }
            io::Seek::rewind(&mut file)?;
            Ok(Bytes::File(file))
        };
        let is_sent = match self.put(known.blob, known.size, remote.places.clone(), &open, canceled) {
            Err(error) if is_gone.load(Ordering::Relaxed) => {
                self.imported.forget(diff_id, &with_causes(&error));
                return Ok(None);
            }
            done => done?,
        };
        match self.imported.list_bytes(diff_id) {
            Some(list) => self.put_list(&known, list, canceled)?,
            None => known.list = None,
        }
        Ok(Some(Sent { known, is_sent }))
    }

    fn put(
        &self,
        digest: Digest,
        size: u64,
        from: Vec<String>,
        open: &(dyn Fn() -> io::Result<Bytes> + Sync),
        canceled: Canceled<'_>,
    ) -> Result<bool, Error> {
        self.place.put(&Upload { digest, size, from, open }, canceled)
    }

    fn put_list(&self, known: &KnownLayer, list: Vec<u8>, canceled: Canceled<'_>) -> Result<(), Error> {
        let Some((digest, size)) = known.list else { return Ok(()) };
        let open = || Ok(Bytes::Memory(list.clone()));
        self.put(digest, size, Vec::new(), &open, canceled).map(|_| ())
    }
}
