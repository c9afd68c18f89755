//! Writing of what was held back.
//!
//! **Invariants**: whoever looks for a file that is held back finds it, since all of them are written first; and they are
//! written in the order in which they came, so that what can be read has all that it speaks of.

use std::io::Write as _;
use std::path::Path;

use super::disk::Disk;
use super::error::Error;
use super::held::{Content, HeldFile};
use super::open::Store;

impl Disk {
    /// Writes what is held back, if the file of that name is among it: before it is looked for.
    pub(super) fn settle(&self, path: &Path) -> Result<(), Error> {
        if self.held.has(path) { self.write_held() } else { Ok(()) }
    }

    fn write_held(&self) -> Result<(), Error> {
        self.held.each(|file| self.write_one(file))
    }

    fn write_one(&self, HeldFile { path, content }: &HeldFile) -> Result<(), Error> {
        match content {
            Content::Blob(digest, bytes) => {
                let size = bytes.len() as u64;
                let mut temp = self.temp_file()?;
                temp.file.write_all(bytes).map_err(|e| Error::io_of("write", path, Some(size), e))?;
                self.unsynced.count(size);
                self.publish_blob(&mut temp, digest)
            }
            Content::Document(kind, name, payload) => {
                self.unsynced.count(payload.len() as u64);
                self.write_framed(*kind, name.as_bytes(), path, payload)
            }
        }
    }
}

impl Store {
    /// Writes what was held back; on a full disk, again for as long as something in the store can go.
    pub fn write_held(&self) -> Result<(), Error> {
        self.with_room(|| self.disk.write_held())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Options;
    use crate::store::layer_record::Layer;
    use crate::tree::{Entry, Kind, RootPath, Time};
    use std::sync::Arc;

    fn held(store: &Store, name: &str) -> Arc<Layer> {
        let path = RootPath::clean(name).unwrap();
        let directory = Entry { kind: Kind::Directory, ..Entry::directory(path, Time::default()) };
        let mut writer = store.layer_writer().unwrap();
        writer.entry(&directory, None).unwrap();
        writer.commit_held().unwrap()
    }

    fn names(store: &Store, below: &str) -> usize {
        std::fs::read_dir(store.root().join(below)).unwrap().count()
    }

    #[test]
    fn what_is_held_back_is_on_no_disk_and_found_by_whoever_looks() {
        type Look = fn(&Store, &Layer) -> bool;
        let looks: [Look; 6] = [
            |store, layer| store.layer(layer.diff_id).unwrap().is_some(),
            |store, layer| store.has_layer(layer.diff_id).unwrap(),
            |store, layer| store.open_blob(&layer.blob).unwrap().is_some(),
            |store, layer| store.blob_size(&layer.blob).unwrap() == Some(layer.size),
            |store, layer| store.read_blob(&layer.blob, 1 << 20).unwrap().is_some(),
            |store, _| store.sync().is_ok(),
        ];
        for look in looks {
            let dir = tempfile::tempdir().unwrap();
            let store = Store::open(dir.path(), Options::default()).unwrap();
            let layers = [held(&store, "/a"), held(&store, "/b")];
            assert_eq!(["blobs/sha256", "layers", "lists"].map(|below| names(&store, below)), [0; 3]);
            assert!(look(&store, &layers[1]));
            assert_eq!(["blobs/sha256", "layers", "lists"].map(|below| names(&store, below)), [2; 3]);
            // Whole for another process, too.
            let other = Store::open(dir.path(), Options::default()).unwrap();
            for layer in &layers {
                let there = other.layer(layer.diff_id).unwrap().expect("written");
                assert_eq!(there.list().unwrap().entries.len(), 1);
            }
        }
    }

    #[test]
    fn what_cannot_be_written_waits_on_and_is_written_when_it_can_be() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Options::default()).unwrap();
        let layer = held(&store, "/a");
        let (lists, aside) = (dir.path().join("lists"), dir.path().join("aside"));
        std::fs::rename(&lists, &aside).unwrap();
        assert!(store.write_held().is_err());
        assert!(store.layer(layer.diff_id).is_err(), "the blob alone is no layer");
        std::fs::rename(&aside, &lists).unwrap();
        store.write_held().unwrap();
        assert!(store.layer(layer.diff_id).unwrap().is_some());
    }

    #[test]
    fn a_layer_that_is_held_back_twice_or_here_already_is_one_layer() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Options::default()).unwrap();
        let layers = [held(&store, "/a"), held(&store, "/a")];
        store.write_held().unwrap();
        assert_eq!(held(&store, "/a").diff_id, layers[0].diff_id);
        store.sync().unwrap();
        assert_eq!(["blobs/sha256", "layers", "lists"].map(|below| names(&store, below)), [1; 3]);
    }
}
