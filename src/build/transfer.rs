//! `rbuild pull` and `rbuild push`: whole images between a registry and the store.

use std::collections::BTreeMap;

use super::error::Error;
use super::finish::set_name;
use super::images::{Found, find};
use super::noted::{self, image_layers};
use crate::export::{
    Encode, Finished, ImageSet, PushTo, Pusher, StoredImage, StoredManifest, push, push_stored,
};
use crate::oci::{
    Descriptor, DiffId, Digest, LAYER_EPOCH, MediaType, Platform, Reference, descriptor_digest,
};
use crate::progress::{Event, Sink, StepNumber};
use crate::registry::Client;
use crate::store::{ImageLayer, Origin, Store};

/// LIMIT: as for documents of registries.
const LARGEST_DOCUMENT: u64 = 8 << 20;

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
        let mut open = || store.blob_writer().map_err(std::io::Error::other);
        let blob = by.client.blob_into(name, descriptor, &mut open, &moved, by.canceled)?;
        blob.commit(Some((digest, descriptor.size())))?;
    }
    store.import_layer(&digest, Some(diff_id))?;
    store.note_blob_origin(&digest, diff_id, &name.name())?;
    Ok(())
}

/// Pushes an image of the store under `to`: as it was pulled, byte for byte, if the store has it in that form; else with
/// its layers compressed, as `--push` does.
pub fn push_image(store: &Store, image: &str, to: &Reference, by: &Transfer<'_>) -> Result<Digest, Error> {
    let _lease = store.lease()?;
    let found = find(store, image, &Platform::host())?;
    shown(by, &format!("pushing {}", to.familiar()), |step| {
        let bring = |diff_id: DiffId| {
            let remote = store.remote_layer(diff_id)?.ok_or(Error::NoImage(image.to_string()))?;
            let layer = ImageLayer::Remote(std::sync::Arc::new(remote));
            Ok(noted::bring(store, by.client, &layer, by.canceled)?)
        };
        let pusher = Pusher { client: by.client, sink: by.sink, step, canceled: by.canceled, bring: &bring };
        let digest = match stays(store, &found)? {
            true => {
                let missing = || Error::NoImage(image.to_string());
                let manifest = store.read_blob(&found.digest, LARGEST_DOCUMENT)?.ok_or_else(missing)?;
                let config = store.read_blob(&found.id, LARGEST_DOCUMENT)?.ok_or_else(missing)?;
                let layers = found.manifest.layers().iter().cloned().zip(found.layers(store)?).collect();
                let of_manifest = serde_json::from_slice::<MediaTyped>(&manifest).ok();
                let media_type = of_manifest
                    .and_then(|typed| typed.media_type)
                    .unwrap_or_else(|| MediaType::ImageManifest.to_string());
                let manifest = StoredManifest { media_type, bytes: manifest };
                push_stored(store, &[StoredImage { manifest, config, layers }], None, to, &pusher)?;
                found.digest
            }
            false => {
                let set = ImageSet::one(finished(store, &found)?, Vec::new());
                let exported = push(store, &set, &only(to), &pusher)?;
                descriptor_digest(&exported.top.expect("what is pushed has a manifest"))?
            }
        };
        by.sink.send(Event::Notice { step, message: format!("digest {digest}") });
        Ok(digest)
    })
}

#[derive(serde::Deserialize)]
struct MediaTyped {
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
}

fn only(to: &Reference) -> PushTo {
    PushTo { names: vec![to.clone()], encode: Encode::default(), by_digest: false }
}

/// Whether every layer is compressed already, and here.
fn stays(store: &Store, found: &Found) -> Result<bool, Error> {
    for layer in found.manifest.layers() {
        let media_type = layer.media_type().to_string();
        let is_here = store.blob_size(&descriptor_digest(layer)?)? == Some(layer.size());
        if !is_here || media_type.ends_with(".tar") {
            return Ok(false);
        }
    }
    Ok(true)
}

fn finished(store: &Store, found: &Found) -> Result<Finished, Error> {
    let layers = image_layers(store, found)?;
    Ok(Finished {
        platform: found.config.platform(),
        config: found.config.clone(),
        layers,
        epoch: LAYER_EPOCH,
        annotations: BTreeMap::new(),
    })
}

/// Shows `work` as the only step.
fn shown<T>(
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

/// Gives the image `source` one more name.
pub fn tag(store: &Store, source: &str, name: &Reference, now: i64) -> Result<(), Error> {
    let _lease = store.lease()?;
    let found = find(store, source, &Platform::host())?;
    let known = found.names.first().map(|(_, name)| name.clone());
    let mut value = match known {
        Some(known) => known,
        None => {
            return Err(Error::Usage(format!("{source}: an image without a name cannot be given another")));
        }
    };
    value.time = now;
    store.set_name(name, &value)?;
    Ok(store.sync()?)
}

/// Takes names away; what no name holds goes with the next collection.
pub fn untag(store: &Store, name: &Reference) -> Result<bool, Error> {
    Ok(store.remove_name(name)?)
}
