//! From the last step to the outputs: the image's config, its names, its files.

use std::collections::BTreeMap;
use std::io::Write;

use super::error::Error;
use super::numbers::Numbers;
use super::options::Options;
use crate::export::{Exported, Finished, PushTo, Pusher, export, keep, push};
use crate::http::Canceled;
use crate::oci::{Descriptor, Digest, Reference};
use crate::plan::Plan;
use crate::progress::Event;
use crate::registry::Client;
use crate::sandbox::Cancel;
use crate::store::{ImageLayer, Name, Origin, Store, Target};
use crate::worker::{Chain, Worker};

/// A finished build.
#[derive(Clone, Debug)]
pub struct Built {
    /// The manifest: the one that was pushed, else of the first output that has one, else of the store.
    pub manifest: Descriptor,
    /// The image id: the config's digest.
    pub config: Digest,
    /// The names that the image has now.
    pub names: Vec<Reference>,
}

/// Writes every output, then names the image.
pub fn finish(
    plan: &Plan,
    chain: &Chain,
    worker: &Worker<'_>,
    options: &Options,
    numbers: &Numbers,
    stdout: &mut dyn Write,
) -> Result<Built, Error> {
    let mut config = plan.target.config.clone();
    config.rootfs.diff_ids = chain.diff_ids();
    let finished = Finished {
        config,
        layers: {
            let _lookups = worker.store.lookups();
            match options.outputs.is_empty() {
                true => worker.image_layers(chain)?,
                false => worker.layers(chain)?.into_iter().map(ImageLayer::Here).collect(),
            }
        },
        names: options.tags.clone(),
        epoch: plan.image_epoch,
        annotations: BTreeMap::new(),
    };
    let store = worker.store;
    let kept = numbers.shown(worker.sink, "exporting to image", |step| {
        let mut first = None;
        for output in &options.outputs {
            let exported = export(store, &finished, output, stdout)?;
            first = first.or(exported.manifest);
        }
        let kept = keep(store, &finished)?;
        let manifest = kept.manifest.clone().expect("what is kept has a manifest");
        for name in &options.tags {
            set_name(store, name, &manifest, Origin::Built, options.now)?;
        }
        // ORDER: durable before success is reported; directories first, since records point at layers, not at them.
        if let Some(snapshots) = worker.snapshots.get() {
            snapshots.sync()?;
        }
        store.sync()?;
        for digest in [first.as_ref().unwrap_or(&manifest).digest().to_string(), kept.config.to_string()]
            .into_iter()
            .zip(["manifest", "config"])
        {
            let (digest, what) = digest;
            worker.sink.send(Event::Notice { step, message: format!("{what} {digest}") });
        }
        for name in &options.tags {
            worker.sink.send(Event::Notice { step, message: format!("naming to {name}") });
        }
        Ok(Exported { manifest: Some(first.unwrap_or(manifest)), config: kept.config })
    })?;
    let mut pushed = None;
    if !options.pushes.is_empty() {
        let client = client(options, worker.cancel);
        for to in &options.pushes {
            let exported = send(store, &finished, to, &client, worker, numbers)?;
            pushed = pushed.or(exported.manifest);
        }
        store.sync()?;
    }
    store.collect_if_needed()?;
    Ok(Built {
        manifest: pushed.or(kept.manifest).expect("set above"),
        config: kept.config,
        names: options.tags.clone(),
    })
}

/// A client that stops when the build does.
fn client(options: &Options, cancel: &Cancel) -> Client {
    let mut settings = options.registry.clone();
    let cancel = cancel.clone();
    settings.http.canceled = Canceled::new(move || cancel.is_fired());
    Client::new(settings)
}

fn send(
    store: &Store,
    image: &Finished,
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
        let exported = push(store, image, to, &pusher).map_err(|e| match e.is_canceled() {
            true => Error::Interrupted,
            false => Error::Export(e),
        })?;
        if let Some(manifest) = &exported.manifest {
            worker.sink.send(Event::Notice { step, message: format!("manifest {}", manifest.digest()) });
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
        digest: crate::oci::descriptor_digest(manifest)?,
        size: manifest.size(),
    };
    // A build that changes nothing writes nothing: the name keeps the time at which it began to mean this image.
    if store.name(name)?.is_some_and(|known| known.manifest == target && known.origin == origin) {
        return Ok(());
    }
    Ok(store.set_name(name, &Name { manifest: target, origin, time: now })?)
}
