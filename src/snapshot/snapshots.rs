//! The directory of snapshots, one a chain of layers.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};

use super::active::Active;
use super::aside::Aside;
use super::changes::changes;
use super::commit::make_equal;
use super::cursor::open;
use super::error::Error;
use super::fetch::{ChainLayer, Fetch, chain_ids};
use super::finish::finish_directories;
use super::flushing::Flushing;
use super::joined::JOINED;
use super::looks::{Known, Look, Looks};
use super::marker::{self, Marker};
use super::metadata::{Owners, set};
use super::part::{self, Form, Part};
use super::recipe::Item;
use super::seal::Shelf;
use super::small::SmallFiles;
use super::spares::{Fresh, Spares};
use super::state::state;
use super::unpacking::Unpacking;
use super::write::{write_around, write_tree};
use crate::layer::LayerList;
use crate::oci::{ChainId, DiffId, Digest, Epoch, LAYER_EPOCH};
use crate::tree::{Changed, Entry, Kind, RootPath, Stack, Time};

/// LIMIT: lower directories of one overlay; the kernel takes 500.
const LOWERS: usize = 400;
/// LIMIT: ours; entries, and bytes, that take a tenth of a second to unpack.
const DEAR: (usize, u64) = (4096, 64 << 20);
/// LIMIT: snapshots made at the same time; each has writers of its own.
const AT_ONCE: usize = 4;

/// The directory of snapshots. Opened inside the user namespace in which the build runs, since files in it belong to
/// the ids of that namespace.
#[derive(Debug)]
pub struct Snapshots {
    shelf: Shelf,
    limit: usize,
    ids: Digest,
    boot: String,
    // What is known to be whole, by name. Those with a boot are not on disk for certain.
    known: Mutex<BTreeMap<String, Marker>>,
    // At those that were made before this process.
    looks: Looks,
    spares: Spares,
    // Layers whose files were written as they came, to be finished when the layers below are known.
    unpacked: Mutex<BTreeMap<DiffId, Fresh>>,
    flushing: OnceLock<Option<Arc<Flushing>>>,
    // Whether something was unpacked that would take long to unpack again.
    is_dear: AtomicBool,
}

impl Snapshots {
    /// Opens the directory, making it if need be, and sweeps what dead processes left.
    pub fn open(directory: &Path) -> Result<Snapshots, Error> {
        let shelf = Shelf::open(directory)?;
        shelf.sweep()?;
        let known = Mutex::default();
        Ok(Snapshots {
            shelf,
            limit: LOWERS,
            ids: marker::ids(),
            boot: marker::boot(),
            known,
            looks: Looks::default(),
            spares: Spares::default(),
            unpacked: Mutex::default(),
            flushing: OnceLock::new(),
            is_dear: AtomicBool::new(false),
        })
    }

    /// Allows at most that many lower directories (at least 2); longer chains have their lowest layers merged into one.
    pub fn with_limit(self, limit: usize) -> Snapshots {
        Snapshots { limit: limit.max(2), ..self }
    }

    /// Begins to look at the directories of `chain` (lowest layer first) that are there, beside what the caller does until it
    /// asks for them: to read the lists of the layers, say. Not of a long chain, whose directories depend on the lists.
    pub fn begin_look(&self, chain: &[DiffId]) {
        if chain.len() >= JOINED.min(self.limit) {
            return;
        }
        for (id, layer) in chain_ids(chain.iter().copied()).into_iter().zip(chain) {
            if !self.is_known(&id) {
                self.look(&id.0.hex(), id, *layer);
            }
        }
    }

    /// The lower directories for `chain` (lowest layer first), **topmost first**; never empty. Makes those that are
    /// missing.
    pub fn lowers(&self, chain: &[ChainLayer], fetch: &dyn Fetch) -> Result<Vec<PathBuf>, Error> {
        if chain.is_empty() {
            return self.nothing().map(|path| vec![path]);
        }
        let parts = self.parts(chain)?;
        let paths = parts.iter().rev().map(|part| self.shelf.path(&part.name.0.hex())).collect();
        let missing: Vec<Part> = parts.into_iter().filter(|part| !self.is_whole(part)).collect();
        // Threads rather than rayon: they wait for locks, and a pool's thread that waits might be the one awaited.
        let next = AtomicUsize::new(0);
        let work = || -> Result<(), Error> {
            while let Some(part) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
                self.make(part, chain, fetch)
                    .inspect_err(|_| next.store(missing.len(), Ordering::Relaxed))?;
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (1..missing.len().min(AT_ONCE)).map(|_| scope.spawn(work)).collect();
            let mut done = work();
            for thread in threads {
                done = done.and(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            done
        })?;
        Ok(paths)
    }

    /// A directory for the files of a layer that is on its way; none if it cannot be made, since the layer can be unpacked
    /// later.
    pub fn unpacking(&self) -> Option<Unpacking> {
        let fresh = Fresh::empty(&self.shelf).ok()?;
        fs::create_dir(fresh.upper()).ok()?;
        let root = open(&fresh.upper()).ok()?;
        let flushing = self.flushing.get_or_init(|| self.shelf.flushing().map(Arc::new)).clone()?;
        Some(Unpacking::new(fresh, root, flushing))
    }

    /// Keeps what was unpacked of a layer that is known to have this list, for the snapshot that this process makes of it.
    pub fn unpacked(&self, layer: DiffId, list: &LayerList, unpacking: Unpacking) {
        if let Some(directory) = unpacking.finish(list) {
            self.unpacked.lock().unwrap_or_else(|e| e.into_inner()).insert(layer, directory);
        }
    }

    /// A directory with these items, which have no bytes; not a snapshot, and gone with the process.
    pub fn aside(&self, items: &[Item]) -> Result<Aside, Error> {
        Aside::new(&self.shelf, items)
    }

    /// Fresh directories for a RUN over `lower`, whose root's metadata the upper directory gets, since an overlay's root
    /// shows the upper one's.
    pub fn prepare(&self, lower: &Stack) -> Result<Active, Error> {
        let active = Active::new(self.spares.take(&self.shelf)?, root_of(lower));
        set(open(&active.upper())?.as_fd(), active.root(), Owners::Keep)?;
        Ok(active)
    }

    /// What the RUN changed, as its canonical layer, and the bytes of some small files. The overlay must be unmounted. `made` are the files and directories
    /// that the sandbox itself made (mount points): they are left out, a directory unless something else lies in it.
    pub fn changes(
        &self,
        active: &Active,
        made: &[RootPath],
        lower: &Stack,
        epoch: Epoch,
    ) -> Result<(Vec<Changed>, SmallFiles), Error> {
        changes(open(&active.upper())?.as_fd(), made, lower, epoch)
    }

    /// Makes the upper directory equal to its layer and keeps it as the snapshot of the chain `below` with `layer` on top.
    pub fn commit(
        &self,
        active: Active,
        below: Option<ChainId>,
        layer: DiffId,
        changed: &[Changed],
    ) -> Result<(), Error> {
        let chain = below.map_or(ChainId(layer.0), |below| below.push(layer));
        let name = chain.0.hex();
        let _held = self.shelf.lock(&name)?;
        if self.look(&name, chain, layer) {
            self.spares.put(active.into_fresh());
            return Ok(());
        }
        make_equal(open(&active.upper())?.as_fd(), active.root(), changed)?;
        // ORDER: before the seal. The kernel's whiteouts are names of one file that has another in the work directory: their time
        // of change moves when that goes.
        if changed.iter().any(|change| change.entry.kind == Kind::Whiteout) {
            active.remove_work()?;
        }
        self.keep(&active.upper(), &name, chain, layer, changed.len())?;
        self.spares.put(active.into_fresh());
        Ok(())
    }

    /// Does what can be done beside a RUN: to be called when its process has begun.
    pub fn tidy(&self) {
        self.spares.tidy(&self.shelf);
    }

    /// Makes what this process sealed survive a power cut, if it unpacked something that would take long to unpack again;
    /// call once, before success is reported. All of the file system with the device number that it gives is on the disk
    /// then. Else nothing is waited for: a snapshot that a RUN left is trusted until the machine goes down, and then made
    /// again of its layer, once, by a build that makes it durable.
    pub fn sync(&self) -> Result<Option<u64>, Error> {
        if !self.is_dear.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let mut known = self.known.lock().unwrap_or_else(|e| e.into_inner());
        let device = self.shelf.sync()?;
        for (name, marker) in known.iter_mut().filter(|(_, marker)| marker.boot.is_some()) {
            marker.boot = None;
            let _held = self.shelf.lock(name)?;
            if self.shelf.marker(name).is_some() {
                self.shelf.seal(name, marker)?;
            }
        }
        Ok(Some(device))
    }

    /// Whether the snapshots that were found have been changed on disk since they were made. It is found out beside what
    /// is done on them: nothing that came of them may count before this says [`Known::Unchanged`].
    pub fn known(&self) -> Known {
        self.looks.known()
    }

    /// Waits until it is known, and removes those that were changed; says how many.
    pub fn settle(&self) -> Result<usize, Error> {
        let changed = self.looks.changed();
        for Look { name, state, .. } in &changed {
            let _held = self.shelf.lock(name)?;
            self.known.lock().unwrap_or_else(|e| e.into_inner()).remove(name);
            // Another process may have been here.
            if self.shelf.marker(name).is_some_and(|marker| marker.state == *state) {
                self.shelf.remove(name)?;
            }
        }
        Ok(changed.len())
    }

    /// The names under which [`Snapshots::lowers`] looks for the chain's directories, lowest first: what a build has to
    /// mark as in use.
    pub fn names(&self, chain: &[ChainLayer]) -> Result<Vec<ChainId>, Error> {
        Ok(self.parts(chain)?.into_iter().map(|part| part.name).collect())
    }

    /// Removes the snapshots of a chain.
    pub fn remove(&self, chain: ChainId) -> Result<(), Error> {
        for name in part::names(chain).map(|name| name.0.hex()) {
            let _held = self.shelf.lock(&name)?;
            self.known.lock().unwrap_or_else(|e| e.into_inner()).remove(&name);
            self.shelf.remove(&name)?;
        }
        Ok(())
    }

    fn parts(&self, chain: &[ChainLayer]) -> Result<Vec<Part>, Error> {
        part::parts(chain, self.limit, &|name| self.is_known(name))
    }

    fn is_known(&self, name: &ChainId) -> bool {
        self.known.lock().unwrap_or_else(|e| e.into_inner()).contains_key(&name.0.hex())
    }

    fn is_whole(&self, part: &Part) -> bool {
        self.is_known(&part.name) || self.look(&part.name.0.hex(), part.chain, part.layer)
    }

    /// Whether a snapshot is there that can be used; its marker is touched, to say that it was.
    fn look(&self, name: &str, chain: ChainId, layer: DiffId) -> bool {
        let Some(marker) = self.shelf.marker(name) else { return false };
        let whole = (marker.chain, marker.layer, marker.ids) == (chain, layer, self.ids)
            && marker.boot.as_ref().is_none_or(|boot| *boot == self.boot);
        if whole {
            let path = self.shelf.path(&format!("{name}.sealed"));
            let now = rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
            let times = rustix::fs::Timestamps { last_access: now, last_modification: now };
            // ORDER: prune breaks the seal and then looks at its time. A touch that fails means that it was broken.
            if rustix::fs::utimensat(CWD, &path, &times, rustix::fs::AtFlags::empty()).is_err() {
                return false;
            }
            let path = self.shelf.path(name);
            self.looks.ask(Look { name: name.to_string(), path, state: marker.state });
            self.known.lock().unwrap_or_else(|e| e.into_inner()).insert(name.to_string(), marker);
        }
        whole
    }

    fn make(&self, part: &Part, chain: &[ChainLayer], fetch: &dyn Fetch) -> Result<(), Error> {
        let name = part.name.0.hex();
        let _held = self.shelf.lock(&name)?;
        if self.look(&name, part.chain, part.layer) {
            return Ok(());
        }
        let mut items = part.items(chain)?;
        let unpacked = match part.form {
            Form::Layer => self.unpacked.lock().unwrap_or_else(|e| e.into_inner()).remove(&part.layer),
            Form::Joined | Form::Merged => None,
        };
        let is_unpacked = unpacked.is_some();
        // As with a RUN, whatever happens the directory goes.
        let temporary = match unpacked {
            Some(unpacked) => unpacked,
            None => {
                let fresh = Fresh::empty(&self.shelf)?;
                fs::create_dir(fresh.upper()).map_err(Error::host("make", fresh.upper()))?;
                fresh
            }
        };
        let tree = temporary.upper();
        if items.iter().any(is_device_in_dev) && !can_make_devices(temporary.directory()) {
            // A RUN has its own file system on /dev, so nothing in it can see that they are not there.
            items.retain(|item| !is_device_in_dev(item));
        }
        let root = open(&tree)?;
        match is_unpacked {
            true => write_around(root.as_fd(), &items, Owners::Keep)?,
            false => write_tree(root.as_fd(), &items, fetch, Owners::Keep)?,
        }
        finish_directories(root.as_fd(), &items, Owners::Keep)?;
        self.keep(&tree, &name, part.chain, part.layer, items.len())?;
        self.is_dear.fetch_or(is_dear(&items), Ordering::Relaxed);
        Ok(())
    }

    /// Puts a finished tree into its place. The caller holds the lock of `name`.
    fn keep(
        &self,
        tree: &Path,
        name: &str,
        chain: ChainId,
        layer: DiffId,
        entries: usize,
    ) -> Result<(), Error> {
        self.shelf.remove(name)?;
        let path = self.shelf.path(name);
        fs::rename(tree, &path).map_err(Error::host("make", &path))?;
        // ORDER: after the rename, which the root's time shows.
        let state = state(open(&path)?.as_fd())?;
        let marker = Marker { chain, layer, entries, state, ids: self.ids, boot: Some(self.boot.clone()) };
        self.shelf.seal(name, &marker)?;
        self.known.lock().unwrap_or_else(|e| e.into_inner()).insert(name.to_string(), marker);
        Ok(())
    }

    /// The lower directory of no layers: an overlay needs one.
    fn nothing(&self) -> Result<PathBuf, Error> {
        let path = self.shelf.path(&Digest::of(b"no layers").hex());
        match fs::create_dir(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => Err(Error::host("make", path)(e)),
            _ => {
                let entry = Entry::directory(RootPath::root(), Time::from_seconds(LAYER_EPOCH.0));
                set(open(&path)?.as_fd(), &entry, Owners::Keep)?;
                Ok(path)
            }
        }
    }
}

fn is_dear(items: &[Item]) -> bool {
    let size = |item: &Item| if let Kind::File { size, .. } = item.entry.kind { size } else { 0 };
    items.len() >= DEAR.0 || items.iter().map(size).sum::<u64>() >= DEAR.1
}

fn is_device_in_dev(item: &Item) -> bool {
    matches!(item.entry.kind, Kind::CharDevice { .. } | Kind::BlockDevice { .. })
        && item.entry.path.components().next() == Some(b"dev")
}

/// A user namespace makes no device nodes, and neither does a container without the capability.
fn can_make_devices(directory: &Path) -> bool {
    let (kind, mode) = (FileType::CharacterDevice, Mode::from_raw_mode(0o600));
    mknodat(CWD, directory.join("device"), kind, mode, makedev(1, 3)).is_ok()
}

fn root_of(lower: &Stack) -> Entry {
    let root = RootPath::root();
    let there = lower.get(&root).map(|node| node.entry);
    there.unwrap_or_else(|| Entry::directory(root, Time::from_seconds(LAYER_EPOCH.0)))
}
