//! Remote caches: looked into where the store knows nothing, written when all else is done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::cache_options::{CacheMode, CachePlace, CacheTo};
use super::error::Error;
use super::interrupt::Interrupt;
use super::numbers::Numbers;
use super::options::Options;
use crate::cache::{Directory, Exporter, Imported, Place, Recorded, Repository, Share, Source, embed};
use crate::http::{Canceled, Patience, Timeouts};
use crate::layer::Compression;
use crate::oci::{DiffId, ImageConfig, Platform};
use crate::progress::{Event, Sink, Warning};
use crate::registry::Client;
use crate::store::{ImageLayer, Kept, Store};
use crate::worker::Worker;

/// The caches of a build.
pub struct Caches {
    /// What is known from outside.
    pub imported: Imported,
    to: Vec<(CacheTo, Option<Source>)>,
}

/// Nobody waits for a cache as for a base image: a build without it is only slower. LIMIT.
const SOON: Duration = Duration::from_secs(5);

impl Caches {
    /// Begins to look into the caches that `options` name.
    pub fn start(options: &Options, store: &Store, interrupt: &Arc<Interrupt>) -> Caches {
        let mut clients = None;
        let mut open = |place: &CachePlace| -> Source {
            match place {
                CachePlace::Local(path, tag) => Arc::new(Directory { path: path.clone(), tag: tag.clone() }),
                CachePlace::Registry(reference) => {
                    let (quick, client) =
                        clients.get_or_insert_with(|| clients_of(options, interrupt)).clone();
                    let host = || vec![Platform::host()];
                    let platforms = Some(options.platforms.clone()).filter(|list| !list.is_empty());
                    let platforms = platforms.unwrap_or_else(host);
                    Arc::new(Repository::new(reference.clone(), platforms, quick, client))
                }
            }
        };
        let from = options.cache_from.iter().map(&mut open).collect();
        let to = options.cache_to.iter().map(|to| match to {
            CacheTo::Inline => (to.clone(), None),
            CacheTo::Place { place, .. } => (to.clone(), Some(open(place))),
        });
        let to = to.collect();
        Caches { imported: Imported::start(store, from), to }
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
        if !self.to.iter().any(|(to, _)| *to == CacheTo::Inline) {
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

    /// Writes the caches that were asked for; `result` are the layers of the images that were built. What cannot be
    /// written is a warning, unless it must succeed.
    pub fn export(
        &self,
        known: &[Recorded],
        result: &BTreeSet<DiffId>,
        worker: &Worker<'_>,
        numbers: &Numbers,
    ) -> Result<(), Error> {
        for (to, place) in &self.to {
            let (CacheTo::Place { mode, compression, must_succeed, .. }, Some(place)) = (to, place) else {
                continue;
            };
            let mut records = known.to_vec();
            if *mode == CacheMode::Min {
                records.retain(|record| result.contains(&record.layer));
            }
            let share = Share { records, selections: self.imported.learned() };
            let done = self.export_to(&**place, &share, *compression, worker, numbers);
            match done {
                Err(Error::Cache { name, source }) if !must_succeed => {
                    let message = format!("cache {name} was not written: {source}");
                    let warning = Warning { rule: String::new(), message, line: None };
                    worker.sink.send(Event::Warned(warning));
                }
                done => done?,
            }
        }
        Ok(())
    }

    fn export_to(
        &self,
        place: &dyn Place,
        share: &Share,
        compression: Compression,
        worker: &Worker<'_>,
        numbers: &Numbers,
    ) -> Result<(), Error> {
        let (store, sink) = (worker.store, worker.sink);
        numbers.shown(sink, &format!("exporting cache to {}", place.name()), |step| {
            let canceled = || worker.cancel.is_fired();
            let exporter =
                Exporter { store, imported: &self.imported, place, compression, canceled: &canceled };
            let done = exporter.export(share).map_err(|source| match source.is_canceled() {
                true => Error::Interrupted,
                false => Error::Cache { name: place.name(), source: Box::new(source) },
            })?;
            let message = match done.is_new {
                true => format!("{} records, {} blobs sent", done.records, done.sent),
                false => format!("{} records, all of them there already", done.records),
            };
            sink.send(Event::Notice { step, message });
            Ok(())
        })
    }
}

/// One that gives up soon, and one that does not.
fn clients_of(options: &Options, interrupt: &Arc<Interrupt>) -> (Client, Client) {
    let mut settings = options.registry.clone();
    let interrupt = Arc::clone(interrupt);
    settings.http.canceled = Canceled::new(move || interrupt.is_fired());
    let client = Client::new(settings.clone());
    settings.http.timeouts = Timeouts { connect: SOON, stall: 2 * SOON };
    let some = settings.http.patience.clone();
    settings.http.patience = Patience { total: SOON, attempts: 3, stubborn_attempts: 1, ..some };
    (Client::new(settings), client)
}
