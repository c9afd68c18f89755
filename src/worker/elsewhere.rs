//! Layers that a remote cache knows: their lists before their bytes, and their bytes when something needs them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};

use super::chain::{Chain, States};
use super::error::Error;
use super::fetching::Fetching;
use super::perform::Worker;
use crate::graph::Step;
use crate::layer::LayerList;
use crate::oci::{DiffId, descriptor_digest};
use crate::progress::{Event, StepNumber};
use crate::store::{self, ImageLayer, Layer, LayerSource, RemoteLayer};

/// LIMIT: as many as a registry client transfers at once.
const AT_ONCE: usize = 4;

impl Worker<'_> {
    /// The layers of a chain for an image that is kept or pushed: what is not here is not fetched, if it can be had
    /// from a registry later.
    pub fn image_layers(&self, chain: &Chain) -> Result<Vec<ImageLayer>, Error> {
        let mut layers = Vec::with_capacity(chain.length());
        let mut wanted = Vec::new();
        for link in chain.links() {
            let known = self.known(link.diff_id)?;
            wanted.extend(known.is_none().then_some(link.diff_id));
            layers.push((link.diff_id, known));
        }
        self.bring(&wanted)?;
        let found = layers.into_iter().map(|(diff_id, known)| match known {
            Some(layer) => Ok(layer),
            None => Ok(ImageLayer::Here(self.layer(diff_id)?)),
        });
        found.collect()
    }

    /// A layer that is here, or can be had from a registry at any time.
    fn known(&self, diff_id: DiffId) -> Result<Option<ImageLayer>, Error> {
        if let Some(layer) = self.here(diff_id)? {
            return Ok(Some(ImageLayer::Here(layer)));
        }
        let of_image = self.images.iter().find_map(|image| image.remote(diff_id)).map(Arc::new);
        let remote = of_image.or_else(|| self.elsewhere.remote(diff_id));
        Ok(remote.filter(|remote| !remote.places.is_empty()).map(ImageLayer::Remote))
    }

    /// The list of a layer that is not here, as a cache claims it; none if the layer is here, or no cache has a list.
    pub(super) fn claimed(&self, diff_id: DiffId) -> Result<Option<LayerList>, Error> {
        let is_base = self.images.iter().any(|image| image.diff_ids.contains(&diff_id));
        if is_base || self.elsewhere.remote(diff_id).is_none() || self.store.has_layer(diff_id)? {
            return Ok(None);
        }
        Ok(self.elsewhere.claimed(diff_id))
    }

    /// Notes that something was believed of layers.
    pub(super) fn believe(&self, layers: &[DiffId]) {
        self.believed.lock().unwrap_or_else(PoisonError::into_inner).extend(layers);
    }

    /// Whether what comes of `step` depends on nothing but bytes that somebody here has read: then it may be recorded.
    pub fn is_verified(&self, step: &Step, states: &States) -> bool {
        let believed = self.believed.lock().unwrap_or_else(PoisonError::into_inner);
        if believed.is_empty() {
            return true;
        }
        let inputs = step.op.reads().into_iter().map(|read| read.input).chain([step.base]);
        let chains = inputs.filter_map(|input| self.chain(input, states));
        chains.flat_map(|chain| chain.diff_ids()).all(|diff_id| !believed.contains(&diff_id))
    }

    /// Brings those of `wanted` into the store that are not here and that the cache has, a few at once; shown as one step.
    pub(super) fn bring(&self, wanted: &[DiffId]) -> Result<(), Error> {
        if self.elsewhere.is_empty() {
            return Ok(());
        }
        let mut missing: Vec<Arc<RemoteLayer>> = Vec::new();
        for diff_id in wanted {
            if let Some(remote) = self.elsewhere.remote(*diff_id)
                && !missing.iter().any(|known| known.diff_id == *diff_id)
                && !self.store.has_layer(*diff_id)?
            {
                missing.push(remote);
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let to = self.fetching();
        let step = to.numbers.next();
        let name = format!("fetching {} from the cache", layers(missing.len()));
        to.sink.send(Event::Started { step, name });
        let next = AtomicUsize::new(0);
        let results: Vec<Result<(), Error>> = std::thread::scope(|scope| {
            let work = || {
                while let Some(remote) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
                    bring(self.elsewhere, remote, &to, step)?;
                }
                Ok(())
            };
            let threads: Vec<_> = (0..AT_ONCE.min(missing.len())).map(|_| scope.spawn(work)).collect();
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
}

fn layers(count: usize) -> String {
    if count == 1 { "a layer".to_string() } else { format!("{count} layers") }
}

/// Brings one layer, verified: digest of the blob, diff ID, and the list that was believed until now. What is not true is
/// forgotten, and the layer counts as lost: the step is done instead.
fn bring(
    source: &dyn LayerSource,
    remote: &RemoteLayer,
    to: &Fetching<'_>,
    step: StepNumber,
) -> Result<Arc<Layer>, Error> {
    let diff_id = remote.diff_id;
    let canceled = || to.cancel.is_fired();
    // Two builds that lack the same layer fetch it once.
    let Some(_flight) = to.store.flight(&diff_id.0, &canceled)? else { return Err(Error::Canceled) };
    if let Some(layer) = to.store.layer(diff_id)? {
        return Ok(layer);
    }
    let lost = |reason: &str| {
        source.forget(diff_id, reason);
        Error::Lost(diff_id)
    };
    let Ok(digest) = descriptor_digest(&remote.blob) else { return Err(lost("its digest is none of ours")) };
    let total = Some(remote.blob.size());
    let moved = |current: u64| to.sink.send(Event::Transfer { step, what: digest, current, total });
    let mut incoming = to.incoming(remote)?;
    if let Err(trouble) = source.fetch(remote, &mut incoming, &moved, &canceled) {
        return Err(if canceled() { Error::Canceled } else { lost(&trouble.to_string()) });
    }
    let layer = match to.arrived(incoming) {
        Err(Error::Store(e @ (store::Error::WrongDiffId { .. } | store::Error::Layer { .. }))) => {
            return Err(lost(&e.to_string()));
        }
        arrived => arrived?,
    };
    if let Some(claimed) = source.claimed(diff_id)
        && claimed != *layer.list()?
    {
        // The bytes are those of the layer, so that it may stay; what was derived from the list may not.
        return Err(lost("its list of files is not that of its bytes"));
    }
    Ok(layer)
}
