//! A base image: its layers come into the store when something needs them, not before.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::error::Error;
use super::fetching::Fetching;
use crate::oci::{Descriptor, DiffId, Reference, descriptor_digest};
use crate::progress::{Event, StepNumber};
use crate::registry::Client;
use crate::source::OciLayout;
use crate::store::{Kept, RemoteLayer, Store};

/// A base image, resolved.
pub struct Image {
    /// For the display.
    pub name: String,
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
    Registry(Client, Reference),
    /// A registry that is not to be asked: `--pull=never`.
    Withheld(Reference),
    /// An image layout.
    Layout(PathBuf),
}

impl Image {
    /// An image whose manifest and config are known.
    pub fn new(diff_ids: Vec<DiffId>, descriptors: Vec<Descriptor>, origin: ImageOrigin) -> Image {
        Image { name: String::new(), diff_ids, descriptors, origin, fetching: Mutex::new(()) }
    }

    /// Whether the store has every layer.
    pub fn is_here(&self, store: &Store) -> Result<bool, crate::store::Error> {
        Ok(self.missing(store)?.is_empty())
    }

    /// A layer that its registry has, whether or not it is here.
    pub(super) fn remote(&self, diff_id: DiffId) -> Option<RemoteLayer> {
        let index = self.diff_ids.iter().position(|known| *known == diff_id)?;
        Some(self.layer(index)).filter(|layer| !layer.places.is_empty())
    }

    fn layer(&self, index: usize) -> RemoteLayer {
        let places = match &self.origin {
            ImageOrigin::Registry(_, reference) | ImageOrigin::Withheld(reference) => vec![reference.name()],
            ImageOrigin::Store(_) | ImageOrigin::Layout(_) => Vec::new(),
        };
        let (diff_id, blob) = (self.diff_ids[index], self.descriptors[index].clone());
        RemoteLayer { diff_id, blob, kept: Kept::AsItComes, places }
    }

    fn missing(&self, store: &Store) -> Result<Vec<usize>, crate::store::Error> {
        let mut missing = Vec::new();
        for (index, diff_id) in self.diff_ids.iter().enumerate() {
            if !store.has_layer(*diff_id)? {
                missing.push(index);
            }
        }
        Ok(missing)
    }

    /// Brings every layer that is missing into the store, verified; shown as a step of its own.
    pub(super) fn fetch(&self, to: &Fetching<'_>) -> Result<(), Error> {
        let _one_at_a_time = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = self.missing(to.store)?;
        if missing.is_empty() {
            return Ok(());
        }
        let step = to.numbers.next();
        to.sink.send(Event::Started { step, name: self.name.clone() });
        let results: Vec<Result<(), Error>> = std::thread::scope(|scope| {
            let fetch = |index: usize| scope.spawn(move || self.fetch_layer(index, to, step));
            let threads: Vec<_> = missing.iter().map(|index| fetch(*index)).collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, Result<(), Error>>| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            threads.into_iter().map(join).collect()
        });
        let result = results.into_iter().collect::<Result<(), Error>>();
        to.sink.send(match &result {
            Ok(()) => Event::Done { step },
            Err(e) if e.is_canceled() => Event::Canceled { step },
            Err(e) => Event::Failed { step, message: e.to_string() },
        });
        result
    }

    fn fetch_layer(&self, index: usize, to: &Fetching<'_>, step: StepNumber) -> Result<(), Error> {
        let canceled = || to.cancel.is_fired();
        let diff_id = self.diff_ids[index];
        // Two builds that lack the same layer fetch it once.
        let Some(_flight) = to.store.flight(&diff_id.0, &canceled)? else { return Err(Error::Canceled) };
        if to.store.layer(diff_id)?.is_some() {
            return Ok(());
        }
        let descriptor = &self.descriptors[index];
        let digest = descriptor_digest(descriptor).map_err(|e| Error::Unsupported(e.to_string()))?;
        if to.store.blob_size(&digest)? == Some(descriptor.size()) {
            to.store.import_layer(&digest, Some(diff_id))?;
            return Ok(());
        }
        let total = Some(descriptor.size());
        let moved = |current: u64| to.sink.send(Event::Transfer { step, what: digest, current, total });
        let remote = self.layer(index);
        let incoming = match &self.origin {
            ImageOrigin::Store(reference) => return Err(lost(reference, diff_id)),
            ImageOrigin::Withheld(reference) => return Err(withheld(reference, diff_id)),
            ImageOrigin::Registry(client, reference) => {
                let mut open = || to.incoming(&remote).map_err(std::io::Error::other);
                client.blob_into(reference, descriptor, &mut open, &moved, &canceled)?
            }
            ImageOrigin::Layout(directory) => {
                let mut incoming = to.incoming(&remote)?;
                let mut bytes = OciLayout::open(directory)?.blob(descriptor)?;
                std::io::copy(&mut bytes, &mut incoming)
                    .map_err(Error::io(format!("reading {digest} from {}", directory.display())))?;
                moved(descriptor.size());
                incoming
            }
        };
        to.arrived(incoming)?;
        Ok(())
    }
}

fn withheld(reference: &Reference, diff_id: DiffId) -> Error {
    let name = reference.familiar();
    Error::Unsupported(format!(
        "layer {diff_id} of {name} is not in the store, and --pull=never: rbuild pull {name}"
    ))
}

fn lost(reference: &Reference, diff_id: DiffId) -> Error {
    Error::Unsupported(format!(
        "layer {diff_id} of {} is damaged or gone from the store, and was not pulled from a registry: \
         build or import the image again",
        reference.familiar()
    ))
}
