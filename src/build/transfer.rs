//! `rbuild pull`: whole images from a registry into the store.

use super::error::Error;
use super::finish::set_name;
use crate::layer::NoFiles;
use crate::oci::{Descriptor, DiffId, Digest, Platform, Reference, descriptor_digest};
use crate::progress::{Event, Sink, StepNumber};
use crate::registry::Client;
use crate::store::{Kept, Origin, RemoteLayer, Store};

/// Who asks, and who hears of it.
pub struct Transfer<'a> {
    /// The registries.
    pub client: &'a Client,
    /// Who is told of progress.
    pub sink: &'a dyn Sink,
    /// Whether to stop.
    pub canceled: &'a (dyn Fn() -> bool + Sync),
    /// Now, in seconds since 1970.
    pub now: i64,
}

/// Brings manifest, config and all layers of an image into the store, verified; the name comes last.
pub fn pull(
    store: &Store,
    name: &Reference,
    platform: &Platform,
    by: &Transfer<'_>,
) -> Result<Digest, Error> {
    let _lease = store.lease()?;
    shown(by, &format!("pulling {}", name.familiar()), |step| {
        let image = by.client.image(name, platform)?;
        let layers: Vec<(&Descriptor, DiffId)> =
            image.layers().iter().zip(image.config.rootfs.diff_ids.iter().copied()).collect();
        let results: Vec<Result<(), Error>> = std::thread::scope(|scope| {
            let fetch = |layer| scope.spawn(move || fetch(store, name, layer, by, step));
            let threads: Vec<_> = layers.into_iter().map(fetch).collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, Result<(), Error>>| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            threads.into_iter().map(join).collect()
        });
        results.into_iter().collect::<Result<(), Error>>()?;
        store.put_blob(&image.config_bytes)?;
        store.put_blob(&image.manifest.bytes)?;
        store.put_blob(&image.resolved.bytes)?;
        if name.tag.is_some() {
            let bare = Reference { digest: None, ..name.clone() };
            set_name(store, &bare, &image.resolved.descriptor, Origin::Pulled, by.now)?;
        }
        store.sync()?;
        let digest = image.resolved.digest;
        by.sink.send(Event::Notice { step, message: format!("digest {digest}") });
        Ok(digest)
    })
}

fn fetch(
    store: &Store,
    name: &Reference,
    (descriptor, diff_id): (&Descriptor, DiffId),
    by: &Transfer<'_>,
    step: StepNumber,
) -> Result<(), Error> {
    // Two that lack the same layer fetch it once.
    let Some(_flight) = store.flight(&diff_id.0, by.canceled)? else { return Err(Error::Interrupted) };
    let digest = descriptor_digest(descriptor)?;
    let is_here = store.blob_size(&digest)? == Some(descriptor.size());
    if is_here && store.layer(diff_id)?.is_some() {
        return Ok(());
    }
    if !is_here {
        let total = Some(descriptor.size());
        let moved = |current| by.sink.send(Event::Transfer { step, what: digest, current, total });
        let (blob, places) = (descriptor.clone(), vec![name.name()]);
        let remote = RemoteLayer { diff_id, blob, kept: Kept::AsItComes, places };
        let mut open = || store.incoming(&remote, NoFiles).map_err(std::io::Error::other);
        by.client.blob_into(name, descriptor, &mut open, &moved, by.canceled)?.finish()?;
        return Ok(());
    }
    store.import_layer(&digest, Some(diff_id))?;
    store.note_blob_origin(&digest, diff_id, &name.name())?;
    Ok(())
}

/// Shows `work` as the only step.
pub(super) fn shown<T>(
    by: &Transfer<'_>,
    name: &str,
    work: impl FnOnce(StepNumber) -> Result<T, Error>,
) -> Result<T, Error> {
    let result = super::numbers::Numbers::default().shown(by.sink, name, work);
    result.map_err(|error| match &error {
        Error::Registry(e) if e.is_canceled() => Error::Interrupted,
        Error::Export(e) if e.is_canceled() => Error::Interrupted,
        _ => error,
    })
}
