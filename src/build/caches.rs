//! Remote caches: looked into where the store knows nothing; layers go there as they are made, records when all else is done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::cache_options::{CacheMode, CachePlace, CacheTo};
use super::error::Error;
use super::interrupt::Interrupt;
use super::numbers::Numbers;
use super::options::Options;
use crate::cache::{Directory, Exporter, Imported, Recorded, Repository, Share, Source, Uploads, embed};
use crate::http::{Canceled, Patience, Timeouts};
use crate::oci::{DiffId, ImageConfig, Platform};
use crate::progress::{Event, Sink, Warning};
use crate::registry::{Client, with_causes};
use crate::store::{ImageLayer, Kept, Store};

/// The caches of a build.
pub struct Caches {
    /// What is known from outside.
    pub imported: Arc<Imported>,
    /// Whether the image is to be a cache itself.
    inline: bool,
    to: Vec<Target>,
}

/// A cache that is written.
struct Target {
    mode: CacheMode,
    must_succeed: bool,
    uploads: Uploads,
}

/// Nobody waits for a cache as for a base image: a build without it is only slower. LIMIT.
const SOON: Duration = Duration::from_secs(5);
/// LIMIT: for trouble with layers on their way, which is waited out beside the steps for the most part.
const A_WHILE: Duration = Duration::from_secs(30);

impl Caches {
    /// Begins to look into the caches that `options` name.
    pub fn start(options: &Options, store: &Store, interrupt: &Arc<Interrupt>) -> Caches {
        let mut clients = None;
        let mut opened: Vec<(CachePlace, Source)> = Vec::new();
        // What is read and written is one place, which knows what it has read.
        let mut open = |place: &CachePlace| -> Source {
            if let Some((_, source)) = opened.iter().find(|(known, _)| known == place) {
                return Arc::clone(source);
            }
            let source: Source = match place {
                CachePlace::Local(path, tag) => Arc::new(Directory { path: path.clone(), tag: tag.clone() }),
                CachePlace::Registry(reference) => {
                    let (quick, client) =
                        clients.get_or_insert_with(|| clients_of(options, interrupt)).clone();
                    let host = || vec![Platform::host()];
                    let platforms = Some(options.platforms.clone()).filter(|list| !list.is_empty());
                    let platforms = platforms.unwrap_or_else(host);
                    Arc::new(Repository::new(reference.clone(), platforms, quick, client))
                }
            };
            opened.push((place.clone(), Arc::clone(&source)));
            source
        };
        let from = options.cache_from.iter().map(&mut open).collect();
        let imported = Arc::new(Imported::start(store, from));
        let target = |to: &CacheTo| {
            let CacheTo::Place { place, mode, compression, must_succeed } = to else { return None };
            let (store, imported, place) = (store.clone(), Arc::clone(&imported), open(place));
            let exporter = Exporter { store, imported, place, compression: *compression };
            let interrupt = Arc::clone(interrupt);
            let uploads = Uploads::new(exporter, move || interrupt.is_fired());
            Some(Target { mode: *mode, must_succeed: *must_succeed, uploads })
        };
        let to = options.cache_to.iter().filter_map(target).collect();
        Caches { imported, inline: options.cache_to.contains(&CacheTo::Inline), to }
    }

    /// A step has this layer, maybe one of the result: caches that are to hold it get it while other steps are done.
    pub fn made(&self, layer: DiffId, is_of_result: bool) {
        let wants = |target: &&Target| is_of_result || target.mode == CacheMode::Max;
        self.to.iter().filter(wants).for_each(|target| target.uploads.add(layer));
    }

    /// Waits for what is on its way to this registry: what a cache has there need not be pushed.
    pub fn settle(&self, registry: &str) {
        self.to.iter().filter(|to| to.uploads.is_in(registry)).for_each(|to| to.uploads.wait());
    }

    /// Waits for what caches say; false if there are none.
    pub fn wait(&self) -> bool {
        self.imported.wait()
    }

    /// Tells what is wrong with caches, each thing once.
    pub fn warn(&self, sink: &dyn Sink) {
        for message in self.imported.take_warnings() {
            sink.send(Event::Warned(Warning { rule: String::new(), message, line: None }));
        }
    }

    /// Puts records into a config whose image is to be a cache itself.
    pub fn embed(&self, config: &mut ImageConfig, layers: &[ImageLayer], records: &[Recorded]) {
        if !self.inline {
            return;
        }
        let size = |layer: &ImageLayer| match layer {
            ImageLayer::Here(layer) => Some((layer.diff_id, layer.tar_size)),
            ImageLayer::Remote(layer) => match layer.kept {
                Kept::Plain { tar_size, .. } => Some((layer.diff_id, tar_size)),
                Kept::AsItComes => None,
            },
        };
        let sizes: BTreeMap<DiffId, u64> = layers.iter().filter_map(size).collect();
        embed(config, records, &sizes);
    }

    /// Writes the caches that were asked for: of the steps that are `known`, all or those whose layers are of the `result`. What
    /// cannot be written is a warning, unless it must succeed.
    pub fn export(
        &self,
        known: &[Recorded],
        result: &BTreeSet<DiffId>,
        sink: &dyn Sink,
        numbers: &Numbers,
    ) -> Result<(), Error> {
        let mut failure = None;
        for target in &self.to {
            let mut records = known.to_vec();
            if target.mode == CacheMode::Min {
                records.retain(|record| result.contains(&record.layer));
            }
            let share = Share { records, selections: self.imported.learned() };
            match finish(&target.uploads, &share, sink, numbers) {
                Err(error @ Error::Cache { .. }) if target.must_succeed && failure.is_none() => {
                    failure = Some(error);
                }
                Err(error @ Error::Cache { .. }) => warn_unwritten(&error, sink),
                done => done?,
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// The same of a build that failed: whoever mends it need not do again what was done. That it failed is what counts, so
    /// that whatever is wrong with a cache is a warning.
    pub fn export_of_failed(
        &self,
        known: &[Recorded],
        result: &BTreeSet<DiffId>,
        sink: &dyn Sink,
        numbers: &Numbers,
    ) {
        if known.is_empty() {
            return;
        }
        if let Err(error) = self.export(known, result, sink, numbers) {
            warn_unwritten(&error, sink);
        }
    }
}

fn warn_unwritten(error: &Error, sink: &dyn Sink) {
    if let Error::Cache { name, source } = error {
        let message = format!("cache {name} was not written: {}", with_causes(source));
        sink.send(Event::Warned(Warning { rule: String::new(), message, line: None }));
    }
}

fn finish(uploads: &Uploads, share: &Share, sink: &dyn Sink, numbers: &Numbers) -> Result<(), Error> {
    numbers.shown(sink, &format!("exporting cache to {}", uploads.name()), |step| {
        let done = uploads.finish(share).map_err(|source| match source.is_canceled() {
            true => Error::Interrupted,
            false => Error::Cache { name: uploads.name(), source: Box::new(source) },
        })?;
        let early = match done.early {
            0 => String::new(),
            early => format!(", {early} of them beside the steps"),
        };
        let message = match done.is_new {
            true => format!("{} records, {} layers sent{early}", done.records, done.sent),
            false => format!("{} records, all of them there already", done.records),
        };
        sink.send(Event::Notice { step, message });
        Ok(())
    })
}

/// One that gives up soon, and one that does so after a while.
fn clients_of(options: &Options, interrupt: &Arc<Interrupt>) -> (Client, Client) {
    let mut settings = options.registry.clone();
    let interrupt = Arc::clone(interrupt);
    settings.http.canceled = Canceled::new(move || interrupt.is_fired());
    let some = settings.http.patience.clone();
    settings.http.patience = Patience { total: A_WHILE.min(some.total), attempts: 5, ..some.clone() };
    let client = Client::new(settings.clone());
    settings.http.timeouts = Timeouts { connect: SOON, stall: 2 * SOON };
    settings.http.patience = Patience { total: SOON, attempts: 2, stubborn_attempts: 1, ..some };
    (Client::new(settings), client)
}
