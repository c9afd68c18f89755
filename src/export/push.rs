//! Images into registries: layers compressed once, sent beside each other, manifests after them, the index, tags last.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::blob::{Blob, Bytes, Encode, blob, file, goes_as_it_is, stored};
use super::documents::documents;
use super::dress::Dress;
use super::error::Error;
use super::finished::{Exported, ImageSet};
use crate::image::Document;
use crate::oci::{Descriptor, DiffId, Digest, Reference, descriptor_digest};
use crate::progress::{Event, Sink, StepNumber};
use crate::registry::{self, Body, Client, Outgoing, Pushed, in_parallel};
use crate::store::{ImageLayer, Layer, Store, TempDir, Trouble};

/// Where an image is pushed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushTo {
    /// Repositories and tags.
    pub names: Vec<Reference>,
    /// How layers are compressed.
    pub encode: Encode,
    /// No tag is set: the manifest is there by its digest.
    pub by_digest: bool,
    /// Annotations and media types; names are those above.
    pub dress: Dress,
}

/// What pushing needs besides the image.
pub struct Pusher<'a> {
    /// The registries.
    pub client: &'a Client,
    /// Who is told of progress.
    pub sink: &'a dyn Sink,
    /// The step that it is shown as.
    pub step: StepNumber,
    /// Whether to stop.
    pub canceled: &'a (dyn Fn() -> bool + Sync),
    /// Brings a layer into the store that is not there.
    pub bring: &'a Bring<'a>,
}

/// Brings a layer into the store.
pub type Bring<'a> = dyn Fn(DiffId) -> Result<Arc<Layer>, Trouble> + Sync + 'a;

/// How often bytes are counted for the display.
const TICK: Duration = Duration::from_millis(200);
/// LIMIT: how often a registry may miss blobs that it was given.
const ROUNDS: usize = 3;

/// Something that goes to a registry, before its bytes are needed.
pub(super) struct Item {
    digest: Digest,
    size: u64,
    /// The layer that it is, if it is one.
    layer: Option<DiffId>,
    /// Places that have it.
    places: Vec<String>,
    /// Its bytes, or how to make them.
    source: Mutex<Held>,
}

enum Held {
    Bytes(Vec<u8>),
    File(File),
    /// Made, or opened, when it has to be sent.
    Later(Arc<Layer>, Encode, Descriptor, Bytes),
    /// Fetched when it has to be sent after all.
    Remote(Encode, Descriptor),
}

/// Where compressed layers are kept until the push is over.
pub(super) struct Work<'a> {
    pub store: &'a Store,
    pub directory: TempDir,
}

/// A manifest or index as it goes out.
#[derive(Clone, Copy)]
pub(super) struct Manifest<'a> {
    pub media_type: &'a str,
    pub bytes: &'a [u8],
}

/// What is pushed into one repository.
pub(super) struct Outbound<'a> {
    /// Layers and configs.
    pub items: &'a [Item],
    /// How many of them, from the first, are there already.
    pub sent: usize,
    /// The manifests that `top` lists: there by their digests alone.
    pub below: &'a [Manifest<'a>],
    /// What the names are for.
    pub top: Manifest<'a>,
    /// In one repository.
    pub names: &'a [&'a Reference],
    /// No tag is set.
    pub by_digest: bool,
}

/// Pushes images, and the index above them, under every name of `to`.
pub fn push(store: &Store, set: &ImageSet, to: &PushTo, pusher: &Pusher<'_>) -> Result<Exported, Error> {
    let work = Work { store, directory: store.temp_dir()? };
    let set = &to.dress.on(set);
    let mut repositories: BTreeMap<String, Vec<&Reference>> = BTreeMap::new();
    for name in &to.names {
        repositories.entry(name.name()).or_default().push(name);
    }
    let first = to.names.first().ok_or(Error::NoNames)?;
    // A layer is on its way while the next ones are compressed.
    let layers = in_parallel(&set.layers(), |layer| {
        let (descriptor, item) = work.layer(layer, to.encode, pusher)?;
        work.send(&item, first, pusher, false)?;
        Ok::<_, Error>(((layer.diff_id(), descriptor), item))
    })?;
    let (descriptors, mut items): (BTreeMap<DiffId, Descriptor>, Vec<Item>) = layers.into_iter().unzip();
    let (sent, documents) = (items.len(), documents(set, &descriptors)?);
    items.extend(documents.images.iter().map(|image| Item::bytes(image.config.bytes.clone())));
    let manifests: Vec<Manifest<'_>> = match &documents.index {
        Some(_) => documents.images.iter().map(|image| Manifest::of(&image.manifest)).collect(),
        None => Vec::new(),
    };
    for (name, names) in &repositories {
        work.publish(
            &Outbound {
                items: &items,
                sent: if *name == first.name() { sent } else { 0 },
                below: &manifests,
                top: Manifest::of(documents.top()),
                names,
                by_digest: to.by_digest,
            },
            pusher,
        )?;
    }
    Ok(documents.exported())
}

impl Manifest<'_> {
    fn of(document: &Document) -> Manifest<'_> {
        Manifest { media_type: document.descriptor.media_type().as_ref(), bytes: &document.bytes }
    }
}

impl Item {
    /// A blob in the store's form; opened now, so that it stays.
    pub(super) fn stored(store: &Store, blob: &Descriptor, layer: Option<DiffId>) -> Result<Item, Error> {
        let digest = descriptor_digest(blob).map_err(|_| Error::NoNames)?;
        let source = Mutex::new(Held::File(stored(store, &digest)?));
        Ok(Item { digest, size: blob.size(), layer, places: Vec::new(), source })
    }

    pub(super) fn bytes(bytes: Vec<u8>) -> Item {
        let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
        Item { digest, size, layer: None, places: Vec::new(), source: Mutex::new(Held::Bytes(bytes)) }
    }
}

impl Work<'_> {
    /// A layer in the form that goes out. Bytes that a former push made are not made again before they are needed, and a
    /// layer that is elsewhere in that form is not fetched before.
    fn layer(
        &self,
        layer: &ImageLayer,
        encode: Encode,
        pusher: &Pusher<'_>,
    ) -> Result<(Descriptor, Item), Error> {
        let layer = match layer {
            ImageLayer::Here(layer) => Arc::clone(layer),
            ImageLayer::Remote(remote) if goes_as_it_is(remote, encode) => {
                let (descriptor, places) = (remote.blob.clone(), remote.places.clone());
                let digest = descriptor_digest(&descriptor).map_err(|_| Error::Missing(remote.diff_id.0))?;
                let source = Mutex::new(Held::Remote(encode, descriptor.clone()));
                let size = descriptor.size();
                let item = Item { digest, size, layer: Some(remote.diff_id), places, source };
                return Ok((descriptor, item));
            }
            ImageLayer::Remote(remote) => brought(pusher, remote.diff_id)?,
        };
        let Blob { descriptor, bytes } = blob(self.store, &layer, encode, self.directory.path(), true)?;
        let digest = descriptor_digest(&descriptor).expect("made from a digest of ours");
        let (size, diff_id) = (descriptor.size(), Some(layer.diff_id));
        let source = match bytes {
            Bytes::Made(file) => Held::File(file),
            other => Held::Later(layer, encode, descriptor.clone(), other),
        };
        let source = Mutex::new(source);
        Ok((descriptor, Item { digest, size, layer: diff_id, places: Vec::new(), source }))
    }

    /// Everything into one repository: blobs, the manifests that name them, what lists those; tags last.
    pub(super) fn publish(&self, all: &Outbound<'_>, pusher: &Pusher<'_>) -> Result<(), Error> {
        let repository = Reference { tag: None, digest: None, ..all.names[0].clone() };
        in_parallel(&all.items[all.sent..], |item| self.send(item, &repository, pusher, false))?;
        for manifest in all.below {
            self.put(*manifest, &repository, all, pusher)?;
        }
        for name in all.names {
            self.put(all.top, if all.by_digest { &repository } else { name }, all, pusher)?;
        }
        Ok(())
    }

    /// One manifest or index; what the registry says it misses of it is sent again.
    fn put(
        &self,
        manifest: Manifest<'_>,
        to: &Reference,
        all: &Outbound<'_>,
        pusher: &Pusher<'_>,
    ) -> Result<(), Error> {
        let repository = Reference { tag: None, digest: None, ..to.clone() };
        let push = |manifest: Manifest<'_>, to: &Reference| {
            pusher.client.push_manifest(to, manifest.media_type, manifest.bytes)
        };
        let mut round = 1;
        loop {
            match push(manifest, to) {
                Ok(_) => return Ok(()),
                // COMPAT: registries that answer from a cache say that they have what was collected since.
                Err(registry::Error::Incomplete { missing, .. }) if round < ROUNDS => {
                    round += 1;
                    let lost: Vec<&Item> =
                        all.items.iter().filter(|item| missing.contains(&item.digest)).collect();
                    in_parallel(&lost, |item| self.send(item, &repository, pusher, true))?;
                    for below in all.below.iter().filter(|below| missing.contains(&Digest::of(below.bytes))) {
                        push(*below, &repository)?;
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn send(&self, item: &Item, to: &Reference, pusher: &Pusher<'_>, again: bool) -> Result<(), Error> {
        let sent = Arc::new(AtomicU64::new(0));
        let open = || self.open(item, pusher).map_err(io::Error::other);
        let registry = format!("{}/", to.registry);
        let mut from = item.places.clone();
        from.extend(self.store.blob_origins(&item.digest)?);
        let from =
            from.iter().filter_map(|place| place.strip_prefix(&registry)).map(str::to_string).collect();
        let (digest, size) = (item.digest, item.size);
        let outgoing = Outgoing { digest, size, from, open: &open, sent: &sent, again };
        let over = AtomicBool::new(false);
        let done = std::thread::scope(|scope| {
            let watcher = scope.spawn(|| {
                let mut shown = 0;
                while !over.load(Ordering::Relaxed) {
                    std::thread::park_timeout(TICK);
                    let current = sent.load(Ordering::Relaxed);
                    if current > shown {
                        shown = current;
                        let (step, total) = (pusher.step, Some(size));
                        pusher.sink.send(Event::Transfer { step, what: digest, current, total });
                    }
                }
            });
            let done = pusher.client.push_blob(to, &outgoing, pusher.canceled);
            over.store(true, Ordering::Relaxed);
            watcher.thread().unpark();
            done
        });
        let done = done.map_err(own)?;
        if let Some(layer) = &item.layer {
            self.store.note_blob_origin(&digest, *layer, &format!("{registry}{}", to.repository))?;
            if done == Pushed::Mounted {
                let message = format!("{digest} mounted from another repository");
                pusher.sink.send(Event::Notice { step: pusher.step, message });
            }
        }
        Ok(())
    }

    /// The bytes of an item; made now if they were not needed before.
    fn open(&self, item: &Item, pusher: &Pusher<'_>) -> Result<Body, Error> {
        let mut held = item.source.lock().unwrap_or_else(PoisonError::into_inner);
        let directory = self.directory.path();
        match &mut *held {
            Held::Later(layer, encode, descriptor, bytes) => {
                let bytes = std::mem::replace(bytes, Bytes::Remembered);
                let blob = Blob { descriptor: descriptor.clone(), bytes };
                let file = file(self.store, layer, *encode, blob, directory)?;
                *held = Held::File(file);
            }
            Held::Remote(encode, descriptor) => {
                let layer = brought(pusher, item.layer.expect("only layers are elsewhere"))?;
                let blob = blob(self.store, &layer, *encode, directory, true)?;
                if blob.descriptor.digest() != descriptor.digest() {
                    return Err(Error::Otherwise(layer.diff_id));
                }
                let file = file(self.store, &layer, *encode, blob, directory)?;
                *held = Held::File(file);
            }
            Held::Bytes(_) | Held::File(_) => {}
        }
        let failed = |source| Error::Layer { layer: DiffId(item.digest), source };
        match &*held {
            Held::Bytes(bytes) => Ok(Body::bytes(bytes.clone())),
            Held::File(file) => Ok(Body::file(file.try_clone().map_err(failed)?)),
            Held::Later(..) | Held::Remote(..) => unreachable!("opened above"),
        }
    }
}

fn brought(pusher: &Pusher<'_>, layer: DiffId) -> Result<Arc<Layer>, Error> {
    (pusher.bring)(layer).map_err(|source| Error::Bring { layer, source })
}

/// An error of ours that came back through the client.
fn own(error: registry::Error) -> Error {
    match error {
        registry::Error::Read { what, source } => match source.downcast::<Error>() {
            Ok(own) => own,
            Err(source) => registry::Error::Read { what, source }.into(),
        },
        error => error.into(),
    }
}
