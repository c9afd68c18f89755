//! Everything that is in a store, with what needs what.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::cache_mount::About;
use super::disk::Disk;
use super::error::Error;
use super::frame::Kind;
use super::item::{Item, ItemKind};
use super::layer_record::LayerRecord;
use super::layout::digest_of;
use super::measure::{file_size, tree_size};
use super::name::{Name, Origin};
use super::process::{list, mtime};
use super::reach::{Closure, closure};
use super::record;
use crate::oci::{DiffId, Reference};

/// One thing, and the files that it is.
#[derive(Debug)]
pub struct Found {
    /// What it is.
    pub item: Item,
    /// Its files, in the order in which they must go.
    pub files: Vec<PathBuf>,
    /// When it was last used, as nanoseconds since 1970: the latest time of its files.
    pub used: i128,
    /// The latest use of whatever needs it.
    pub needed: i128,
    /// The layer that it is, or the layers that it needs.
    pub layers: Vec<DiffId>,
    /// Whether a name keeps it that is not a pulled image's.
    pub owned: bool,
    /// The layer whose tar it repeats.
    pub repeats: Option<DiffId>,
}

/// A name, its file and what it needs.
pub struct NameFound {
    /// The name.
    pub reference: Reference,
    /// What it stands for.
    pub name: Name,
    /// Its file.
    pub path: PathBuf,
    /// What it needs.
    pub closure: Closure,
}

/// Everything that is in a store.
pub struct Inventory {
    /// Sorted by kind and id.
    pub found: Vec<Found>,
    /// All names.
    pub names: Vec<NameFound>,
}

struct Scan<'a> {
    disk: &'a Disk,
    found: Vec<Found>,
}

impl Inventory {
    /// Looks at everything. What vanishes meanwhile is left out.
    pub fn scan(disk: &Disk, names: Vec<(Reference, Name)>) -> Result<Inventory, Error> {
        let layout = &disk.layout;
        let names: Vec<NameFound> = names
            .into_iter()
            .map(|(reference, name)| NameFound {
                path: layout.name(&reference),
                closure: closure(layout, name.manifest.digest),
                reference,
                name,
            })
            .collect();
        let mut scan = Scan { disk, found: Vec::new() };
        scan.layers_and_blobs()?;
        scan.records()?;
        scan.snapshots()?;
        scan.cache_mounts()?;
        for (directory, kind) in [("logs", ItemKind::Log), ("stat", ItemKind::StatCache)] {
            for entry in list(&layout.directory(directory))? {
                scan.add(kind, entry.file_name().to_string_lossy().into_owned(), vec![entry.path()]);
            }
        }
        for name in &names {
            scan.add(ItemKind::Name, name.reference.to_string(), vec![name.path.clone()]);
        }
        for entry in list(&layout.directory("tmp"))? {
            scan.add(
                ItemKind::Temporary,
                entry.file_name().to_string_lossy().into_owned(),
                vec![entry.path()],
            );
        }
        let mut inventory = Inventory { found: scan.found, names };
        inventory.connect();
        inventory.found.sort_by(|a, b| (a.item.kind, &a.item.id).cmp(&(b.item.kind, &b.item.id)));
        Ok(inventory)
    }

    /// Bytes of everything.
    pub fn total(&self) -> u64 {
        self.found.iter().map(|f| f.item.bytes).sum()
    }

    /// Passes on who keeps and who uses what.
    fn connect(&mut self) {
        let mut by_record: BTreeMap<DiffId, i128> = BTreeMap::new();
        for record in self.found.iter().filter(|f| f.item.kind == ItemKind::Record) {
            for layer in &record.layers {
                let used = by_record.entry(*layer).or_insert(record.used);
                *used = (*used).max(record.used);
            }
        }
        let used: BTreeMap<String, i128> = self
            .found
            .iter()
            .filter(|f| matches!(f.item.kind, ItemKind::Name | ItemKind::Blob))
            .map(|f| (f.item.id.clone(), f.used))
            .collect();
        for found in &mut self.found {
            if !matches!(found.item.kind, ItemKind::Layer | ItemKind::Blob) {
                continue;
            }
            for layer in &found.layers {
                found.needed = found.needed.max(by_record.get(layer).copied().unwrap_or(i128::MIN));
            }
            for name in &self.names {
                if !name.needs(found) {
                    continue;
                }
                found.item.kept_by.push(name.reference.to_string());
                found.owned |= name.name.origin != Origin::Pulled;
                // A build that looked at the name, or at its manifest, is about to look at the rest.
                for key in [name.reference.to_string(), name.name.manifest.digest.to_string()] {
                    found.needed = found.needed.max(used.get(&key).copied().unwrap_or(i128::MIN));
                }
            }
        }
        self.connect_patches();
    }

    /// What keeps or uses a layer that is a patch does so with the layer that it repeats, which is none.
    fn connect_patches(&mut self) {
        struct Use {
            last: i128,
            kept_by: BTreeSet<String>,
            owned: bool,
        }
        let mut uses: BTreeMap<DiffId, Use> = BTreeMap::new();
        for found in &self.found {
            let Some(other) = found.repeats else { continue };
            let new = || Use { last: i128::MIN, kept_by: BTreeSet::new(), owned: false };
            let used = uses.entry(other).or_insert_with(new);
            used.last = used.last.max(found.last());
            used.kept_by.extend(found.item.kept_by.iter().cloned());
            used.owned |= found.owned;
        }
        for found in self.found.iter_mut().filter(|found| found.item.kind == ItemKind::Layer) {
            let Some(used) = found.layers.iter().find_map(|layer| uses.get(layer)) else { continue };
            found.needed = found.needed.max(used.last);
            found.owned |= used.owned;
            for name in &used.kept_by {
                if !found.item.kept_by.contains(name) {
                    found.item.kept_by.push(name.clone());
                }
            }
        }
    }
}

impl Found {
    /// The latest use of it, or of what needs it.
    pub fn last(&self) -> i128 {
        self.used.max(self.needed)
    }
}

impl NameFound {
    /// Whether the name needs a layer or a blob.
    pub fn needs(&self, found: &Found) -> bool {
        found.layers.iter().any(|l| found.item.kind == ItemKind::Layer && self.closure.layers.contains(l))
            || found.files.iter().any(|file| {
                let blob = file.parent().is_some_and(|p| p.ends_with("blobs/sha256"));
                blob && file.file_name().and_then(digest_of).is_some_and(|d| self.closure.blobs.contains(&d))
            })
    }
}

impl Scan<'_> {
    fn add(&mut self, kind: ItemKind, id: String, files: Vec<PathBuf>) -> Option<&mut Found> {
        let mut bytes = 0;
        let mut used = None;
        for file in &files {
            let Ok(metadata) = fs::symlink_metadata(file) else { continue };
            bytes += if metadata.is_dir() { tree_size(file) } else { file_size(&metadata) };
            used = used.max(Some(mtime(&metadata)));
        }
        let used = used?;
        self.found.push(Found {
            item: Item { kind, id, bytes, last_used: seconds(used), kept_by: Vec::new() },
            files,
            used,
            needed: i128::MIN,
            layers: Vec::new(),
            owned: false,
            repeats: None,
        });
        self.found.last_mut()
    }

    fn layers_and_blobs(&mut self) -> Result<(), Error> {
        let layout = self.disk.layout.clone();
        let mut of_layers = BTreeSet::new();
        let mut known = BTreeSet::new();
        for entry in list(&layout.directory("layers"))? {
            let Some(digest) = digest_of(&entry.file_name()) else { continue };
            let diff_id = DiffId(digest);
            let mut files = vec![entry.path(), layout.list(&diff_id)];
            let mut repeats = None;
            let record = self.disk.peek_framed(Kind::Layer, diff_id.to_string().as_bytes(), &entry.path());
            if let Some(record) = record.and_then(|r| serde_json::from_slice::<LayerRecord>(&r).ok()) {
                repeats = record.patched.map(|other| other.layer);
                let packed = record.packed.iter().map(|packed| packed.digest);
                for blob in [record.blob].into_iter().chain(packed) {
                    if of_layers.insert(blob) {
                        files.push(layout.blob(&blob));
                    }
                }
            }
            known.insert(diff_id);
            if let Some(found) = self.add(ItemKind::Layer, diff_id.to_string(), files) {
                found.layers = vec![diff_id];
                found.repeats = repeats;
            }
        }
        for entry in list(&layout.directory("lists"))? {
            let Some(digest) = digest_of(&entry.file_name()) else { continue };
            // A list without a record: its writer died before it wrote that.
            if !known.contains(&DiffId(digest)) {
                self.add(ItemKind::Layer, digest.to_string(), vec![entry.path()]);
            }
        }
        for entry in list(&layout.directory("blobs/sha256"))? {
            let Some(digest) = digest_of(&entry.file_name()) else { continue };
            if !of_layers.contains(&digest) {
                self.add(ItemKind::Blob, digest.to_string(), vec![entry.path()]);
            }
        }
        Ok(())
    }

    fn records(&mut self) -> Result<(), Error> {
        for entry in list(&self.disk.layout.directory("records"))? {
            let Some(key) = digest_of(&entry.file_name()) else { continue };
            let payload = self.disk.peek_framed(Kind::Record, key.to_string().as_bytes(), &entry.path());
            if let Some(found) = self.add(ItemKind::Record, key.to_string(), vec![entry.path()]) {
                found.layers =
                    payload.and_then(|p| record::split(&p).map(|(layers, _)| layers)).unwrap_or_default();
            }
        }
        Ok(())
    }

    fn snapshots(&mut self) -> Result<(), Error> {
        for entry in list(&self.disk.layout.directory("snapshots"))? {
            let (path, name) = (entry.path(), entry.file_name());
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            let id = name.to_string_lossy().into_owned();
            if !metadata.is_dir() {
                continue;
            }
            if id == "tmp" {
                for making in list(&path)? {
                    let id = format!("snapshots/tmp/{}", making.file_name().to_string_lossy());
                    self.add(ItemKind::Temporary, id, vec![making.path()]);
                }
                continue;
            }
            // Nobody's snapshot, and nothing to be pruned as one.
            if digest_of(id.split('-').next().unwrap_or_default().as_ref()).is_none() {
                self.add(ItemKind::Temporary, format!("snapshots/{id}"), vec![path]);
                continue;
            }
            let size_file = path.with_extension("size");
            let bytes = self.snapshot_size(&path, &size_file, &id);
            // Times within a snapshot are those of its layer: the seal says when it was used. Without a seal it is dead,
            // or just being made, and then locked.
            let seal = path.with_extension("sealed");
            let used = fs::symlink_metadata(&seal).map_or(0, |m| mtime(&m));
            self.found.push(Found {
                item: Item {
                    kind: ItemKind::Snapshot,
                    id,
                    bytes,
                    last_used: seconds(used),
                    kept_by: Vec::new(),
                },
                files: vec![seal, path, size_file],
                used,
                needed: i128::MIN,
                layers: Vec::new(),
                owned: false,
                repeats: None,
            });
        }
        Ok(())
    }

    /// A snapshot never changes, so it is measured once.
    fn snapshot_size(&self, path: &Path, size_file: &Path, name: &str) -> u64 {
        let known = self.disk.peek_framed(Kind::SnapshotSize, name.as_bytes(), size_file);
        if let Some(bytes) = known.and_then(|b| b.try_into().ok()) {
            return u64::from_le_bytes(bytes);
        }
        let bytes = tree_size(path);
        // If this fails, on a full disk say, it is measured again.
        let _ = self.disk.write_framed(Kind::SnapshotSize, name.as_bytes(), size_file, &bytes.to_le_bytes());
        bytes
    }

    fn cache_mounts(&mut self) -> Result<(), Error> {
        for mount in list(&self.disk.layout.directory("mounts"))? {
            let Some(identity) = digest_of(&mount.file_name()) else { continue };
            let about = mount.path().join("about");
            let about = self.disk.peek_framed(Kind::CacheMount, identity.to_string().as_bytes(), &about);
            let about = about.and_then(|b| serde_json::from_slice::<About>(&b).ok());
            let id = about.map_or_else(|| identity.to_string(), |about| about.id);
            for entry in list(&mount.path())? {
                let Some(number) = entry.file_name().to_str().and_then(|n| n.parse::<u32>().ok()) else {
                    continue;
                };
                let path = entry.path();
                // The lock's time is that of the last use; the directory's own is the steps' business.
                let lock = path.with_extension("lock");
                let Ok(used) = fs::symlink_metadata(&lock).map(|m| mtime(&m)) else { continue };
                let (short, seen) = (identity.short(), path.with_extension("seen"));
                if let Some(found) =
                    self.add(ItemKind::CacheMount, format!("{id} ({short}/{number})"), vec![path, seen])
                {
                    found.used = used;
                    found.item.last_used = seconds(used);
                }
            }
        }
        Ok(())
    }
}

fn seconds(nanoseconds: i128) -> i64 {
    i64::try_from(nanoseconds.div_euclid(1_000_000_000)).unwrap_or(i64::MIN)
}
