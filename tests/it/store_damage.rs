//! Every class of object, damaged in every way, is noticed, told, and made anew by the same build.

#![allow(clippy::unwrap_used, reason = "what tests are built of may panic as tests do")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use rbuild::layer::{Compression, Compressor};
use rbuild::oci::{DiffId, Digest, Reference};
use rbuild::store::{CacheMountSpec, Error, ObjectKind, Origin, Sharing, Store};
use rbuild::tree::{RootPath, Time};

use crate::store_fixture::{image, is_whole, layer, open, store};

fn only_file(dir: PathBuf) -> PathBuf {
    let files: Vec<_> = fs::read_dir(&dir).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{}", dir.display());
    files.into_iter().next().unwrap()
}

/// Damages a file: a flipped bit at twenty places, nothing left, a tail cut off, zeros of the same length.
fn damages(path: &Path) -> Vec<Vec<u8>> {
    let good = fs::read(path).unwrap();
    let mut all: Vec<Vec<u8>> = (0..20)
        .map(|n| {
            let mut bad = good.clone();
            let bit = n * (good.len() * 8 - 1) / 19;
            bad[bit / 8] ^= 1 << (bit % 8);
            bad
        })
        .collect();
    all.extend([Vec::new(), good[..good.len() - 1].to_vec(), vec![0; good.len()]]);
    all
}

/// What a build does with one class of object: makes it if it is not there. True if it had to.
type Build = fn(&Store) -> bool;

fn heals(kind: ObjectKind, file: fn(&Path) -> PathBuf, build: Build) {
    let (dir, store) = store();
    assert!(build(&store), "first made");
    assert!(!build(&store), "then found");
    let path = file(store.root());
    for damage in damages(&path) {
        fs::write(&path, &damage).unwrap();
        // A process of its own, as it were: nothing is remembered.
        let store = open(dir.path());
        assert!(build(&store), "a damaged {kind} was used");
        let healed = store.take_healed();
        assert!(healed.iter().any(|h| h.kind == kind), "{kind}: told {healed:?}");
        assert!(!build(&store), "made anew");
        assert!(store.take_healed().is_empty());
    }
}

fn reference() -> Reference {
    "app:1".parse().unwrap()
}

#[test]
fn a_damaged_blob_is_noticed_and_healed() {
    heals(
        ObjectKind::Blob,
        |root| only_file(root.join("blobs/sha256")),
        |store| {
            let missing = store.read_blob(&Digest::of(b"content"), 100).unwrap().is_none();
            store.put_blob(b"content").unwrap();
            missing
        },
    );
}

fn build_layer(store: &Store) -> bool {
    let made = |store: &Store| layer(store, &[("a", b"some content"), ("b", &[7; 3000])]);
    // The digest is known from the first time on, as it would be from a record.
    let digest = {
        let other = tempfile::tempdir().unwrap();
        made(&open(other.path())).diff_id
    };
    let found = store.layer(digest).unwrap().is_some_and(|layer| {
        // The list is read with the first of its files.
        let Ok(contents) = store.contents(&layer, &[0, 1]) else { return false };
        let mut read = String::new();
        let small = contents.open(0).unwrap().read_to_string(&mut read).is_ok();
        let tar = store.open_tar(&layer).map_err(std::io::Error::other);
        let tar = tar.and_then(|mut tar| std::io::copy(&mut tar, &mut std::io::sink()));
        small && tar.is_ok() && read == "some content"
    });
    if !found {
        made(store);
    }
    !found
}

#[test]
fn a_damaged_layer_blob_is_noticed_when_it_is_read_and_healed() {
    heals(ObjectKind::Blob, |root| only_file(root.join("blobs/sha256")), build_layer);
}

/// A pulled base: its blob is fetched again when it is damaged.
fn pull_layer(store: &Store) -> bool {
    let other = tempfile::tempdir().unwrap();
    let made = layer(&open(other.path()), &[("a", b"some content"), ("b", &[7; 3000])]);
    let plain = fs::read(other.path().join("store/blobs/sha256").join(made.blob.hex())).unwrap();
    let mut gzip = Compressor::new(Vec::new(), Compression::default());
    gzip.write_all(&plain).unwrap();
    let gzip = gzip.finish().unwrap();
    let found = store.layer(made.diff_id).unwrap().is_some_and(|layer| {
        assert_eq!((layer.blob, layer.tar_size), (Digest::of(&gzip), plain.len() as u64));
        assert_eq!(layer.list().unwrap(), made.list().unwrap());
        let read = |index: usize| {
            let contents = store.contents(&layer, &[1, 0]).map_err(std::io::Error::other)?;
            let mut bytes = Vec::new();
            contents.open(index).map_err(std::io::Error::other)?.read_to_end(&mut bytes)?;
            Ok::<_, std::io::Error>(bytes)
        };
        let mut tar = Vec::new();
        let tars = store.open_tar(&layer).map_err(std::io::Error::other);
        let whole = tars.and_then(|mut tars| tars.read_to_end(&mut tar)).is_ok();
        whole
            && tar == plain
            && read(0).is_ok_and(|b| b == b"some content")
            && read(1).is_ok_and(|b| b == [7; 3000])
    });
    if !found {
        store.put_blob(&gzip).unwrap();
        store.import_layer(&Digest::of(&gzip), Some(made.diff_id)).unwrap();
    }
    !found
}

#[test]
fn a_damaged_compressed_layer_is_noticed_when_it_is_read_and_healed() {
    heals(ObjectKind::Blob, |root| only_file(root.join("blobs/sha256")), pull_layer);
}

#[test]
fn a_damaged_blob_is_not_imported_and_a_wrong_diff_id_is_refused() {
    let (_dir, store) = store();
    let made = layer(&store, &[("a", b"x")]);
    let other = DiffId(Digest::of(b"other"));
    let error = store.import_layer(&made.blob, Some(other)).unwrap_err();
    assert!(matches!(error, Error::WrongDiffId { .. }), "{error}");
    let path = only_file(store.root().join("blobs/sha256"));
    let mut bytes = fs::read(&path).unwrap();
    bytes[600] ^= 1;
    fs::write(&path, bytes).unwrap();
    let error = store.import_layer(&made.blob, None).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    assert!(!path.exists());
    assert!(matches!(store.import_layer(&made.blob, None), Err(Error::MissingBlob(_))));
}

#[test]
fn a_damaged_layer_record_is_noticed_and_healed() {
    heals(ObjectKind::Layer, |root| only_file(root.join("layers")), build_layer);
}

#[test]
fn a_damaged_entry_list_is_noticed_and_healed() {
    heals(ObjectKind::EntryList, |root| only_file(root.join("lists")), build_layer);
}

#[test]
fn a_damaged_key_record_is_noticed_and_healed() {
    heals(
        ObjectKind::Record,
        |root| only_file(root.join("records")),
        |store| {
            let key = Digest::of(b"key");
            let missing = store.record(&key).unwrap().is_none();
            store.put_record(&key, b"result", &[]).unwrap();
            assert_eq!(store.record(&key).unwrap().unwrap(), b"result");
            missing
        },
    );
}

#[test]
fn a_damaged_name_is_noticed_and_healed() {
    heals(
        ObjectKind::Name,
        |root| only_file(root.join("names")),
        |store| {
            let missing = !is_whole(store, &reference());
            image(store, "app:1", Origin::Built, &[]);
            missing
        },
    );
}

#[test]
fn a_damaged_stat_cache_is_noticed_and_healed() {
    heals(
        ObjectKind::StatCache,
        |root| only_file(root.join("stat")),
        |store| {
            let context = Path::new("/home/me/project");
            let missing = store.stat_cache(context).unwrap().is_none();
            store.put_stat_cache(context, b"known").unwrap();
            missing
        },
    );
}

fn mount_file(root: &Path, name: &str) -> PathBuf {
    only_file(root.join("mounts")).join(name)
}

fn build_with_mount(store: &Store) {
    let spec = CacheMountSpec {
        id: "../../etc".to_string(),
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
        mode: 0o755,
        sharing: Sharing::Locked,
    };
    let mount = store.cache_mount(&spec, &mut |_| Ok(()), &|| false).unwrap().unwrap();
    let files = [(RootPath::clean("src/main.c").unwrap(), Digest::of(b"main"))];
    let step = Digest::of(b"make");
    let earlier = mount.first_seen(&step, &files, Time::from_seconds(1)).unwrap();
    let later = mount.first_seen(&step, &files, Time::from_seconds(2)).unwrap();
    assert_eq!(earlier, later);
    let about = fs::read(mount.path().with_file_name("about")).unwrap();
    assert!(String::from_utf8_lossy(&about).contains("../../etc"));
}

#[test]
fn what_describes_a_cache_mount_is_noticed_and_healed() {
    for (kind, name) in [(ObjectKind::CacheMount, "about"), (ObjectKind::Seen, "0.seen")] {
        let (dir, store) = store();
        build_with_mount(&store);
        let path = mount_file(store.root(), name);
        for damage in damages(&path) {
            fs::write(&path, damage).unwrap();
            let store = open(dir.path());
            build_with_mount(&store);
            assert!(store.take_healed().iter().any(|h| h.kind == kind), "{kind}");
            build_with_mount(&store);
            assert!(store.take_healed().is_empty());
        }
    }
}

#[test]
fn a_damaged_usage_count_is_noticed_and_healed() {
    let (dir, store) = store();
    store.collect_if_needed().unwrap();
    let path = store.root().join("usage");
    for damage in damages(&path) {
        fs::write(&path, damage).unwrap();
        let store = open(dir.path());
        store.collect_if_needed().unwrap();
        assert!(store.take_healed().iter().any(|h| h.kind == ObjectKind::Usage));
        store.collect_if_needed().unwrap();
        assert!(store.take_healed().is_empty());
    }
}

#[test]
fn objects_under_each_others_names_are_damaged() {
    let (_dir, store) = store();
    let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
    store.put_record(&a, b"of a", &[]).unwrap();
    let records = store.root().join("records");
    fs::copy(records.join(a.hex()), records.join(b.hex())).unwrap();
    assert_eq!(store.record(&b).unwrap(), None);
    assert_eq!(store.record(&a).unwrap().unwrap(), b"of a");
}
