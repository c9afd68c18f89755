//! From the last steps to the outputs: the images' configs, their names, their files.

use std::collections::BTreeMap;
use std::io::Write;

use super::error::Error;
use super::numbers::Numbers;
use super::options::Options;
use super::platforms::{Planned, Wanted};
use super::steps::Steps;
use crate::export::{Dress, Exported, Finished, ImageSet, Order, PushTo, Pusher, export, keep, push};
use crate::http::Canceled;
use crate::oci::{Descriptor, Digest, Epoch, Reference, descriptor_digest};
use crate::progress::Event;
use crate::registry::{Client, Kind};
use crate::sandbox::Cancel;
use crate::store::{ImageLayer, Name, Origin, Store, Target};
use crate::worker::Worker;

/// A finished build.
#[derive(Clone, Debug)]
pub struct Built {
    /// The manifest or index: the one that was pushed, else of the first output that has one, else of the store.
    pub top: Descriptor,
    /// The manifest or index that the store has.
    pub kept: Digest,
    /// The image ids, one for each platform.
    pub configs: Vec<Digest>,
    /// The names that it has now.
    pub names: Vec<Reference>,
    /// Its date.
    pub created: Epoch,
}

impl Built {
    /// The config of the image, unless there is an index.
    pub fn config(&self) -> Option<Digest> {
        match &self.configs[..] {
            [only] if Kind::of(self.top.media_type().as_ref()) == Some(Kind::Manifest) => Some(*only),
            _ => None,
        }
    }

    /// What files and scripts know it by: the image id. COMPAT: as in buildx, an index is known by its digest.
    pub fn id(&self) -> String {
        self.config().map_or_else(|| self.top.digest().to_string(), |config| config.to_string())
    }
}

/// Writes every output, then names the image.
pub fn finish(
    planned: &Planned,
    steps: &Steps<'_>,
    options: &Options,
    numbers: &Numbers,
    stdout: &mut dyn Write,
) -> Result<Built, Error> {
    let worker = steps.worker;
    let store = worker.store;
    let images = {
        let _lookups = store.lookups();
        let images = planned.images.iter().map(|wanted| finished(wanted, steps, options));
        images.collect::<Result<_, Error>>()?
    };
    let bare = ImageSet::of(images, planned.indexed, options.tags.clone());
    let set = Dress { annotations: options.annotations.clone(), ..Dress::default() }.on(&bare);
    let (written, kept, pushed) = std::thread::scope(|scope| {
        let mut pushing = None;
        let written = numbers.shown(worker.sink, "exporting to image", |step| {
            let say = |message: String| worker.sink.send(Event::Notice { step, message });
            let mut first = None;
            for Order { output, dress } in &options.outputs {
                let exported = export(store, &dress.on(&bare), output, stdout)?;
                first = first.or(exported.top);
            }
            let kept = keep(store, &set)?;
            let top = kept.top.expect("what is kept has a manifest");
            // What goes to a registry need not be on this machine's disk first: the two are waited for together.
            if !options.pushes.is_empty() {
                pushing = Some(scope.spawn(|| send_all(&bare, steps, options, numbers)));
            }
            make_durable(store, worker)?;
            name(store, &top, options, &say)?;
            store.sync()?;
            let in_store = descriptor_digest(&top)?;
            let top = first.unwrap_or(top);
            say(format!("{} {}", if set.indexed { "index" } else { "manifest" }, top.digest()));
            for (image, config) in set.images.iter().zip(&kept.configs) {
                let of = if set.indexed { format!(" for {}", image.platform) } else { String::new() };
                say(format!("config {config}{of}"));
            }
            options.tags.iter().for_each(|name| say(format!("naming to {name}")));
            Ok((Exported { top: Some(top), configs: kept.configs }, in_store))
        });
        if written.is_err() {
            worker.cancel.fire();
        }
        let pushed = pushing.map_or(Ok(None), |thread| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        let (written, in_store) = written?;
        Ok::<_, Error>((written, in_store, pushed?))
    })?;
    store.collect_if_needed()?;
    let top = pushed.or(written.top).expect("set above");
    // Outputs that are called otherwise are told of where nothing else has a name.
    let own = || options.outputs.iter().flat_map(|order| order.dress.names.clone()).collect();
    let names = if options.tags.is_empty() { own() } else { options.tags.clone() };
    Ok(Built { top, kept, configs: written.configs, names, created: bare.epoch() })
}

/// Everywhere that the image goes; the first manifest or index.
fn send_all(
    set: &ImageSet,
    steps: &Steps<'_>,
    options: &Options,
    numbers: &Numbers,
) -> Result<Option<Descriptor>, Error> {
    let worker = steps.worker;
    let client = client(options, worker.cancel);
    let mut first = None;
    for to in &options.pushes {
        to.names.iter().for_each(|name| steps.caches.settle(&name.registry));
        let exported = send(worker.store, set, to, &client, worker, numbers)?;
        first = first.or(exported.top);
    }
    worker.store.sync()?;
    Ok(first)
}

/// Gives the image its names, or one by its digest.
fn name(store: &Store, top: &Descriptor, options: &Options, say: &dyn Fn(String)) -> Result<(), Error> {
    for name in &options.tags {
        set_name(store, name, top, Origin::Built, options.now)?;
    }
    if let Some(prefix) = &options.dangling {
        let name = Reference { digest: Some(descriptor_digest(top)?), ..prefix.clone() };
        set_name(store, &name, top, Origin::Built, options.now)?;
        say(format!("naming to {name}"));
    }
    Ok(())
}

/// Once, before anything has a name and before success is reported.
fn make_durable(store: &Store, worker: &Worker<'_>) -> Result<(), Error> {
    // ORDER: directories first, since records point at layers, not at them.
    if let Some(snapshots) = worker.ground.opened() {
        let moment = store.now();
        // It does for the store too, where each file by itself would take longer than the steps.
        if let Some(device) = snapshots.sync()? {
            store.written(moment, device);
        }
    }
    Ok(store.sync()?)
}

/// One image, with the layers that its steps left.
fn finished(wanted: &Wanted, steps: &Steps<'_>, options: &Options) -> Result<Finished, Error> {
    let chain = steps.worker.input_chain(wanted.target.state, &steps.states);
    let mut config = wanted.target.config.clone();
    config.rootfs.diff_ids = chain.diff_ids();
    let layers = match options.outputs.is_empty() {
        true => steps.worker.image_layers(&chain)?,
        false => steps.worker.layers(&chain)?.into_iter().map(ImageLayer::Here).collect(),
    };
    steps.caches.embed(&mut config, &layers, &steps.records());
    let platform = wanted.platform.clone();
    Ok(Finished {
        platform,
        config,
        layers,
        epoch: wanted.epoch,
        annotations: BTreeMap::new(),
        descriptor_annotations: BTreeMap::new(),
    })
}

/// A client that stops when the build does.
pub(super) fn client(options: &Options, cancel: &Cancel) -> Client {
    let mut settings = options.registry.clone();
    let cancel = cancel.clone();
    settings.http.canceled = Canceled::new(move || cancel.is_fired());
    Client::new(settings)
}

fn send(
    store: &Store,
    set: &ImageSet,
    to: &PushTo,
    client: &Client,
    worker: &Worker<'_>,
    numbers: &Numbers,
) -> Result<Exported, Error> {
    let names: Vec<String> = to.names.iter().map(|name| name.familiar()).collect();
    numbers.shown(worker.sink, &format!("pushing {}", names.join(", ")), |step| {
        let canceled = || worker.cancel.is_fired();
        let bring = |diff_id| worker.layer(diff_id).map_err(Into::into);
        let pusher = Pusher { client, sink: worker.sink, step, canceled: &canceled, bring: &bring };
        let exported = push(store, set, to, &pusher).map_err(|e| match e.is_canceled() {
            true => Error::Interrupted,
            false => Error::Export(e),
        })?;
        if let Some(top) = &exported.top {
            let what = if set.indexed { "index" } else { "manifest" };
            worker.sink.send(Event::Notice { step, message: format!("{what} {}", top.digest()) });
        }
        Ok(exported)
    })
}

/// Makes `name` stand for a manifest that is in the store.
pub(super) fn set_name(
    store: &Store,
    name: &Reference,
    manifest: &Descriptor,
    origin: Origin,
    now: i64,
) -> Result<(), Error> {
    let target = Target {
        media_type: manifest.media_type().clone(),
        digest: descriptor_digest(manifest)?,
        size: manifest.size(),
    };
    // A build that changes nothing writes nothing: the name keeps the time at which it began to mean this image.
    if store.name(name)?.is_some_and(|known| known.manifest == target && known.origin == origin) {
        return Ok(());
    }
    Ok(store.set_name(name, &Name { manifest: target, origin, time: now })?)
}
