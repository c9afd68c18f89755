//! Caches that a build was told to look into: records at once and beside what the build begins with, the rest when it is needed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;

use super::document::{Document, KnownLayer, LARGEST_LIST, Recorded, Selection};
use super::error::Error;
use super::limited::unzstd;
use super::place::Place;
use crate::layer::LayerList;
use crate::oci::{DiffId, Digest, Digesting, new_descriptor};
use crate::registry::with_causes;
use crate::store::{Kept, LayerSource, RemoteLayer, Store, Trouble};

/// LIMIT: bytes of a list, unpacked.
const LARGEST_UNPACKED: u64 = 1 << 30;

/// A place to look into, shared with the thread that does.
pub type Source = Arc<dyn Place>;

/// What caches know.
pub struct Imported {
    store: Option<Store>,
    sources: Vec<Source>,
    loading: Mutex<Vec<JoinHandle<Result<Document, Error>>>>,
    known: OnceLock<Vec<Known>>,
    lists: Mutex<BTreeMap<DiffId, Option<LayerList>>>,
    learned: Mutex<BTreeMap<Digest, Digest>>,
    warnings: Mutex<Vec<String>>,
}

struct Known {
    source: Source,
    layers: BTreeMap<DiffId, KnownLayer>,
    records: HashMap<Digest, Recorded>,
    selections: HashMap<Digest, Digest>,
    /// Something that it said was not true, or it cannot be reached any more.
    dropped: AtomicBool,
    /// Layers that it names and does not have.
    gone: Mutex<BTreeSet<DiffId>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Known {
    fn new(source: Source, document: Document) -> Known {
        Known {
            source,
            layers: document.layers,
            records: document.records.into_iter().map(|record| (record.key, record)).collect(),
            selections: document.selections.into_iter().map(|s| (s.of, s.digest)).collect(),
            dropped: AtomicBool::new(false),
            gone: Mutex::default(),
        }
    }

    fn layer(&self, diff_id: DiffId) -> Option<&KnownLayer> {
        self.layers.get(&diff_id).filter(|_| !self.is_doubted(diff_id))
    }

    fn is_doubted(&self, diff_id: DiffId) -> bool {
        self.dropped.load(Ordering::SeqCst) || locked(&self.gone).contains(&diff_id)
    }
}

impl Imported {
    /// Nothing to look into.
    pub fn none() -> Imported {
        Imported {
            store: None,
            sources: Vec::new(),
            loading: Mutex::default(),
            known: OnceLock::new(),
            lists: Mutex::default(),
            learned: Mutex::default(),
            warnings: Mutex::default(),
        }
    }

    /// Begins to read what `sources` say, in that order of preference. Lists are kept in `store`.
    pub fn start(store: &Store, sources: Vec<Source>) -> Imported {
        let load = |source: &Source| {
            let source = Arc::clone(source);
            std::thread::spawn(move || source.load())
        };
        let loading = Mutex::new(sources.iter().map(load).collect());
        Imported { store: Some(store.clone()), sources, loading, ..Imported::none() }
    }

    /// What the caches say, once they have answered.
    fn known(&self) -> &[Known] {
        self.known.get_or_init(|| {
            let loading = std::mem::take(&mut *locked(&self.loading));
            let mut known = Vec::new();
            for (source, thread) in self.sources.iter().zip(loading) {
                match thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
                    Ok(document) => known.push(Known::new(Arc::clone(source), document)),
                    Err(Error::Canceled) => {}
                    // The first build that exports finds nothing: that is no trouble.
                    Err(error @ Error::None) => self.warn(&**source, &error.to_string()),
                    Err(error) => self.warn(&**source, &with_causes(&error)),
                }
            }
            known
        })
    }

    fn warn(&self, source: &dyn Place, reason: &str) {
        let text = format!("cache {} is not used: {reason}", source.name());
        locked(&self.warnings).push(text);
    }

    /// What there is to tell since the last call.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut *locked(&self.warnings))
    }

    /// Waits for what caches say; false if there are none.
    pub fn wait(&self) -> bool {
        !self.sources.is_empty() && !self.known().is_empty()
    }

    /// What is recorded under a key, of a layer that can be had. Nothing before somebody waited for the caches.
    pub fn find(&self, key: &Digest, is_here: &dyn Fn(DiffId) -> bool) -> Option<Recorded> {
        let usable = |known: &&Known| !known.dropped.load(Ordering::SeqCst);
        self.known.get()?.iter().filter(usable).find_map(|known| {
            let record = known.records.get(key)?;
            (known.layer(record.layer).is_some() || is_here(record.layer)).then_some(*record)
        })
    }

    /// Whether something that `place` said, or this layer of it, turned out to be untrue or gone.
    pub(super) fn doubts(&self, place: &Source, layer: DiffId) -> bool {
        let is_it = |known: &&Known| Arc::ptr_eq(&known.source, place);
        self.known.get().into_iter().flatten().filter(is_it).any(|known| known.is_doubted(layer))
    }

    /// The selections that were digested or found since the build began, for an export.
    pub fn learned(&self) -> Vec<Selection> {
        locked(&self.learned).iter().map(|(of, digest)| Selection { of: *of, digest: *digest }).collect()
    }

    /// What a cache knows of a layer.
    pub(super) fn known_layer(&self, diff_id: DiffId) -> Option<KnownLayer> {
        self.known.get()?.iter().find_map(|known| known.layer(diff_id)).cloned()
    }

    /// A blob of the list of a layer, as a cache has it.
    pub(super) fn list_bytes(&self, diff_id: DiffId) -> Option<Vec<u8>> {
        let known = self.known.get()?.iter().find(|known| known.layer(diff_id).is_some())?;
        let (digest, size) = known.layer(diff_id)?.list?;
        let kept =
            self.store.as_ref().and_then(|store| store.read_blob(&digest, LARGEST_LIST).ok().flatten());
        if let Some(bytes) = kept {
            return Some(bytes);
        }
        let mut bytes = Vec::new();
        match known.source.fetch(&digest, size, &mut bytes, &|_| (), &|| false) {
            Ok(()) => {
                // Kept if that works: the next build need not ask.
                let _ = self.store.as_ref().map(|store| store.put_blob(&bytes));
                Some(bytes)
            }
            Err(Error::Gone(_) | Error::Canceled) => None,
            Err(error) => {
                self.drop(known, &with_causes(&error));
                None
            }
        }
    }

    fn drop(&self, known: &Known, reason: &str) {
        if !known.dropped.swap(true, Ordering::SeqCst) {
            let text = format!("cache {} is not used any more: {reason}", known.source.name());
            locked(&self.warnings).push(text);
        }
    }
}

impl LayerSource for Imported {
    fn is_empty(&self) -> bool {
        self.known.get().is_none_or(Vec::is_empty)
    }

    fn remote(&self, diff_id: DiffId) -> Option<Arc<RemoteLayer>> {
        let known = self.known.get()?.iter();
        let (known, layer) = known.filter_map(|known| Some((known, known.layer(diff_id)?))).next()?;
        let blob = new_descriptor(layer.media_type.clone(), layer.blob, layer.size);
        let kept = Kept::Plain { tar_size: layer.tar_size, made_by: layer.made_by };
        let places = known.source.repository().into_iter().collect();
        Some(Arc::new(RemoteLayer { diff_id, blob, kept, places }))
    }

    fn claimed(&self, diff_id: DiffId) -> Option<LayerList> {
        let mut lists = locked(&self.lists);
        if let Some(list) = lists.get(&diff_id) {
            return list.clone();
        }
        let bytes = self.list_bytes(diff_id);
        let list = bytes.and_then(|bytes| {
            let bytes = unzstd(&bytes, LARGEST_UNPACKED).ok()?;
            LayerList::decode(bytes).ok()
        });
        lists.insert(diff_id, list.clone());
        list
    }

    fn fetch(
        &self,
        layer: &RemoteLayer,
        out: &mut dyn Digesting,
        progress: &dyn Fn(u64),
        canceled: &dyn Fn() -> bool,
    ) -> Result<(), Trouble> {
        let knows = |known: &&Known| known.layer(layer.diff_id).is_some();
        let known = self.known.get().into_iter().flatten().find(knows);
        let known = known.ok_or_else(|| format!("nobody has layer {}", layer.diff_id))?;
        let found =
            known.layer(layer.diff_id).ok_or_else(|| format!("nobody has layer {}", layer.diff_id))?;
        match known.source.fetch(&found.blob, found.size, out, progress, canceled) {
            Err(error @ Error::Gone(_)) => {
                locked(&known.gone).insert(layer.diff_id);
                let text = format!("cache {}: {error}; the step is done instead", known.source.name());
                locked(&self.warnings).push(text);
                Err(error.into())
            }
            done => Ok(done.map_err(|e| with_causes(&e))?),
        }
    }

    fn forget(&self, diff_id: DiffId, reason: &str) {
        let knows = |known: &&Known| known.layer(diff_id).is_some();
        if let Some(known) = self.known.get().into_iter().flatten().find(knows) {
            self.drop(known, &format!("layer {diff_id}: {reason}"));
        }
    }

    fn selection(&self, of: &Digest) -> Option<Digest> {
        let usable = |known: &&Known| !known.dropped.load(Ordering::SeqCst);
        let known = self.known.get().into_iter().flatten();
        known.filter(usable).find_map(|known| known.selections.get(of).copied())
    }

    fn learn(&self, of: &Digest, digest: &Digest) {
        locked(&self.learned).insert(*of, *digest);
    }
}
