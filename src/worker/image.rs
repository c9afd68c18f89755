//! A base image: its layers come into the store when something needs them, not before.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::Error;
use crate::oci::{Descriptor, DiffId, MediaType, Reference, descriptor_digest};
use crate::progress::{Event, Sink, StepNumber};
use crate::registry::Client;
use crate::source::OciLayout;
use crate::store::{Layer, Store};

/// A base image, resolved.
pub struct Image {
    /// One a layer, lowest first.
    pub diff_ids: Vec<DiffId>,
    /// Where each layer's blob is described, in the same order.
    pub descriptors: Vec<Descriptor>,
    /// Where blobs come from that the store does not have.
    pub origin: ImageOrigin,
    /// One fetch at a time.
    fetching: Mutex<()>,
}

/// Where an image's blobs come from.
pub enum ImageOrigin {
    /// The store has, or had, all of it.
    Store(Reference),
    /// A registry.
    Registry(Arc<Client>, Reference),
    /// An image layout.
    Layout(PathBuf),
}

/// Whether anything had to be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// All layers were in the store.
    Nothing,
    /// Some came from outside.
    Some,
}

impl Image {
    /// An image whose manifest and config are known.
    pub fn new(diff_ids: Vec<DiffId>, descriptors: Vec<Descriptor>, origin: ImageOrigin) -> Image {
        Image { diff_ids, descriptors, origin, fetching: Mutex::new(()) }
    }

    /// Brings every layer that is missing into the store, verified.
    pub fn fetch(
        &self,
        store: &Store,
        step: StepNumber,
        sink: &dyn Sink,
        canceled: &(dyn Fn() -> bool + Sync),
    ) -> Result<Fetched, Error> {
        let missing = |store: &Store| -> Result<Vec<usize>, Error> {
            let mut missing = Vec::new();
            for (index, diff_id) in self.diff_ids.iter().enumerate() {
                if store.layer(*diff_id)?.is_none() {
                    missing.push(index);
                }
            }
            Ok(missing)
        };
        if missing(store)?.is_empty() {
            return Ok(Fetched::Nothing);
        }
        let _one_at_a_time = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = missing(store)?;
        let results: Vec<Result<(), Error>> = std::thread::scope(|scope| {
            let fetch = |index: usize| scope.spawn(move || self.fetch_layer(index, store, step, sink, canceled));
            let threads: Vec<_> = missing.iter().map(|index| fetch(*index)).collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, Result<(), Error>>| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            threads.into_iter().map(join).collect()
        });
        results.into_iter().collect::<Result<(), Error>>()?;
        Ok(if missing.is_empty() { Fetched::Nothing } else { Fetched::Some })
    }

    fn fetch_layer(
        &self,
        index: usize,
        store: &Store,
        step: StepNumber,
        sink: &dyn Sink,
        canceled: &(dyn Fn() -> bool + Sync),
    ) -> Result<(), Error> {
        let diff_id = self.diff_ids[index];
        // Two builds that lack the same layer fetch it once.
        let Some(_flight) = store.flight(&diff_id.0, &canceled)? else { return Err(Error::Canceled) };
        if store.layer(diff_id)?.is_some() {
            return Ok(());
        }
        let descriptor = &self.descriptors[index];
        let digest = descriptor_digest(descriptor).map_err(|e| Error::Unsupported(e.to_string()))?;
        if store.blob_size(&digest)? != Some(descriptor.size()) {
            let mut blob = store.blob_writer()?;
            let total = Some(descriptor.size());
            let moved = |current: u64| sink.send(Event::Transfer { step, what: digest, current, total });
            match &self.origin {
                ImageOrigin::Store(reference) => return Err(lost(reference, diff_id)),
                ImageOrigin::Registry(client, reference) => {
                    client.blob(reference, descriptor, &mut blob, &moved, canceled)?;
                }
                ImageOrigin::Layout(directory) => {
                    let mut bytes = OciLayout::open(directory)?.blob(descriptor)?;
                    std::io::copy(&mut bytes, &mut blob)
                        .map_err(Error::io(format!("reading {digest} from {}", directory.display())))?;
                    moved(descriptor.size());
                }
            }
            blob.commit(Some((digest, descriptor.size())))?;
        }
        store.import_layer(&digest, Some(diff_id))?;
        Ok(())
    }

    /// The layers, all of them in the store.
    pub fn layers(&self, store: &Store) -> Result<Vec<Arc<Layer>>, Error> {
        self.diff_ids.iter().map(|diff_id| store.layer(*diff_id)?.ok_or(Error::Lost(*diff_id))).collect()
    }

    /// How each layer's blob came, for a manifest that keeps it as it is.
    pub fn media_types(&self) -> impl Iterator<Item = &MediaType> {
        self.descriptors.iter().map(|descriptor| descriptor.media_type())
    }
}

fn lost(reference: &Reference, diff_id: DiffId) -> Error {
    Error::Unsupported(format!(
        "layer {diff_id} of {} is damaged or gone from the store, and was not pulled from a registry: \
         build or import the image again",
        reference.familiar()
    ))
}
