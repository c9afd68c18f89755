//! A layer that differs little from another is kept as a patch of it, and is the same to everybody.

#![allow(clippy::unwrap_used, reason = "what tests are built of may panic as tests do")]

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use rbuild::layer::Compression;
use rbuild::oci::{DiffId, Digest};
use rbuild::store::{Error, Filter, Layer, Origin, PruneOptions, Store};
use rbuild::tree::Entry;

use crate::store_fixture::{file, image, is_whole, layer, open, store, tick};

type File = (&'static str, Vec<u8>);

/// Files of some five megabytes, one of them large.
fn many(changed: &[File]) -> Vec<File> {
    let names = ["a", "b/c", "b/d", "b/e", "f", "g", "h/large", "i", "j"];
    let size = |name: &str| if name == "h/large" { 4 << 20 } else { 50_000 + name.len() };
    let mut files: Vec<File> = names
        .iter()
        .map(|name| (*name, (0..size(name)).map(|n| (n * 7 % 251) as u8 ^ name.as_bytes()[0]).collect()))
        .filter(|(name, _): &File| changed.iter().all(|(other, _)| other != name))
        .collect();
    files.extend(changed.iter().filter(|(_, content)| !content.is_empty()).cloned());
    files.sort();
    files
}

fn whole(store: &Store, files: &[File]) -> Arc<Layer> {
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, content)| (*name, &content[..])).collect();
    layer(store, &files)
}

/// The layer of `files`, as what `other` does not have of them; none if that is too much.
fn patched(store: &Store, other: DiffId, files: &[File]) -> Result<Option<Arc<Layer>>, Error> {
    let entries: Vec<Entry> = files.iter().map(|(name, content)| file(name, content)).collect();
    let Some(repeats) = store.repeats(other, entries.iter())? else { return Ok(None) };
    let mut writer = store.layer_writer_on(repeats)?;
    for (number, (entry, (_, content))) in entries.iter().zip(files).enumerate() {
        if !writer.repeated(number, entry)? {
            writer.entry(entry, Some(&mut &content[..]))?;
        }
    }
    writer.commit().map(Some)
}

fn tar(store: &Store, layer: &Layer) -> Vec<u8> {
    let mut tar = Vec::new();
    store.open_tar(layer).unwrap().read_to_end(&mut tar).unwrap();
    tar
}

fn blob(dir: &Path, digest: &Digest) -> std::path::PathBuf {
    dir.join("store/blobs/sha256").join(digest.hex())
}

/// Another content, a new file, a removed one, one that is empty now.
fn changes() -> Vec<Vec<File>> {
    vec![
        vec![("b/d", b"other".to_vec())],
        vec![("b/cc", vec![3; 700]), ("a", Vec::new())],
        vec![("a", vec![1; 50_001]), ("j", vec![2; 9_000]), ("zz", vec![5; 513])],
        vec![("0", vec![9; 40_000]), ("f", Vec::new()), ("g", Vec::new())],
        vec![],
    ]
}

#[test]
fn a_patch_is_the_same_layer_as_one_that_is_written_whole() {
    let first = many(&[]);
    for changed in changes() {
        let (dir, store) = store();
        let other = whole(&store, &first);
        let files = many(&changed);
        let other_store = tempfile::tempdir().unwrap();
        let want_store = open(other_store.path());
        let want = whole(&want_store, &files);
        let made = patched(&store, other.diff_id, &files).unwrap().unwrap();
        assert_eq!((made.diff_id, made.tar_size), (want.diff_id, want.tar_size));
        assert_eq!(made.descriptor(), want.descriptor());
        assert_eq!(made.list().unwrap(), want.list().unwrap());
        assert!(changed.is_empty() || !made.is_plain() && made.is_ours());
        let own: usize = changed.iter().map(|(_, content)| content.len() + 4_000).sum();
        assert!(changed.is_empty() || made.size <= own as u64, "{} bytes for {own}", made.size);
        // A process of its own reads it, in every way.
        let store = open(dir.path());
        let made = store.layer(made.diff_id).unwrap().unwrap();
        assert_eq!(tar(&store, &made), tar(&want_store, &want));
        let mut from_blob = Vec::new();
        store.blob_or_tar(&want.blob).unwrap().unwrap().read_to_end(&mut from_blob).unwrap();
        assert_eq!(Digest::of(&from_blob), want.blob);
        let all: Vec<usize> = (0..files.len()).collect();
        let contents = store.contents(&made, &all).unwrap();
        let mut visited = Vec::new();
        store
            .visit(&made, &all, &mut |index, bytes| {
                let mut content = Vec::new();
                bytes.read_to_end(&mut content)?;
                visited.push((index, content));
                Ok(())
            })
            .unwrap();
        for (index, (name, content)) in files.iter().enumerate() {
            let mut read = Vec::new();
            contents.open(index).unwrap().read_to_end(&mut read).unwrap();
            assert!(read == *content && visited[index] == (index, read), "{name}");
        }
        let gzip = Compression::default();
        let packed = store.pack(&made, gzip, &|| false).unwrap();
        assert_eq!(packed, want_store.pack(&want, gzip, &|| false).unwrap());
        assert!(store.take_healed().is_empty());
    }
}

#[test]
fn what_is_small_or_differs_much_or_from_what_is_not_plain_is_written_whole() {
    let (_dir, store) = store();
    let first = whole(&store, &many(&[]));
    assert!(patched(&store, first.diff_id, &many(&[("h/large", vec![1; 4 << 20])])).unwrap().is_none());
    assert!(patched(&store, first.diff_id, &[("a", b"small".to_vec())]).unwrap().is_none());
    assert!(patched(&store, DiffId(Digest::of(b"nobody")), &many(&[])).unwrap().is_none());
    let patch = patched(&store, first.diff_id, &many(&[("a", b"other".to_vec())])).unwrap().unwrap();
    assert!(patched(&store, patch.diff_id, &many(&[("a", b"others".to_vec())])).unwrap().is_none());
}

#[test]
fn a_layer_that_is_written_whole_after_all_is_read_from_there() {
    let (dir, store) = store();
    let files = many(&[("a", b"other".to_vec())]);
    let other = whole(&store, &many(&[]));
    let patch = patched(&store, other.diff_id, &files).unwrap().unwrap();
    let plain = whole(&store, &files);
    assert!(plain.is_plain() && plain.diff_id == patch.diff_id);
    fs::remove_file(blob(dir.path(), &other.blob)).unwrap();
    let store = open(dir.path());
    assert!(store.layer(plain.diff_id).unwrap().is_some_and(|layer| layer.is_plain()));
    // And the other way round: a patch of what is here whole is not kept.
    let other = whole(&store, &many(&[]));
    let blobs = || fs::read_dir(dir.path().join("store/blobs/sha256")).unwrap().count();
    let before = blobs();
    let again = patched(&store, other.diff_id, &files).unwrap().unwrap();
    assert!(again.is_plain() && blobs() == before);
}

#[test]
fn damage_in_either_file_is_noticed_whoever_reads_and_what_is_whole_stays() {
    let files = many(&[("a", b"other".to_vec())]);
    // A byte of the large file, in the layer that is repeated; a byte of the patch's own; its end.
    for (of_other, at) in [(true, 3 << 20), (false, 600), (false, 0)] {
        let (dir, store) = store();
        let other = whole(&store, &many(&[]));
        let patch = patched(&store, other.diff_id, &files).unwrap().unwrap();
        let path = blob(dir.path(), if of_other { &other.blob } else { &patch.blob });
        let mut bytes = fs::read(&path).unwrap();
        let at = if at == 0 { bytes.len() - 30 } else { at };
        bytes[at] ^= 1;
        fs::write(&path, bytes).unwrap();
        let store = open(dir.path());
        let found = store.layer(patch.diff_id).unwrap().unwrap();
        let read = store.open_tar(&found).map_err(std::io::Error::other);
        assert!(read.and_then(|mut tar| std::io::copy(&mut tar, &mut std::io::sink())).is_err());
        assert_eq!(store.take_healed().len(), 1, "told once: {of_other} {at}");
        assert!(store.layer(patch.diff_id).unwrap().is_none());
        assert_eq!(store.layer(other.diff_id).unwrap().is_none(), of_other);
    }
}

#[test]
fn damage_in_what_a_new_patch_would_repeat_is_noticed_before_there_is_one() {
    let (dir, store) = store();
    let other = whole(&store, &many(&[]));
    let path = blob(dir.path(), &other.blob);
    let mut bytes = fs::read(&path).unwrap();
    bytes[3 << 20] ^= 1;
    fs::write(&path, bytes).unwrap();
    let files = many(&[("a", b"other".to_vec())]);
    let error = patched(&store, other.diff_id, &files).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    assert!(store.layer(other.diff_id).unwrap().is_none());
    assert_eq!(store.take_healed().len(), 1);
    assert!(patched(&store, other.diff_id, &files).unwrap().is_none(), "it is written whole then");
}

fn prune(store: &Store, options: PruneOptions) -> Vec<String> {
    tick();
    let report = store.prune(&options).unwrap();
    assert_eq!(report.failed, Vec::<String>::new());
    let layers = report.removed.into_iter().filter(|item| item.kind.as_str() == "layer");
    layers.map(|item| item.id).collect()
}

#[test]
fn what_keeps_or_uses_a_patch_keeps_what_it_repeats() {
    let (dir, store) = store();
    let other = whole(&store, &many(&[]));
    let patch = patched(&store, other.diff_id, &many(&[("a", b"other".to_vec())])).unwrap().unwrap();
    let name = image(&store, "app", Origin::Built, &[&patch]);
    let all = || PruneOptions { all: true, ..PruneOptions::default() };
    assert_eq!(prune(&store, all()), Vec::<String>::new(), "a name keeps both");
    assert!(is_whole(&open(dir.path()), &name));
    // Without the name, a build that looks at the patch keeps both.
    assert!(store.remove_name(&name).unwrap());
    tick();
    let build = open(dir.path());
    let lease = build.lease().unwrap();
    tick();
    build.layer(patch.diff_id).unwrap().unwrap();
    assert_eq!(prune(&store, all()), Vec::<String>::new());
    drop(lease);
    // A filter that asks for one of them alone takes the patch with what it repeats, never the other way.
    let one =
        |id: &DiffId| PruneOptions { filters: vec![Filter::parse(&format!("id={id}")).unwrap()], ..all() };
    let gone = prune(&store, one(&other.diff_id));
    assert_eq!(gone, [patch.diff_id.to_string(), other.diff_id.to_string()]);
    assert!(store.layer(patch.diff_id).unwrap().is_none());
    assert!(store.take_healed().is_empty(), "nothing was damaged");
}

#[test]
fn a_patch_whose_other_layer_is_missing_counts_as_absent() {
    let (dir, store) = store();
    let other = whole(&store, &many(&[]));
    let patch = patched(&store, other.diff_id, &many(&[("a", b"other".to_vec())])).unwrap().unwrap();
    fs::remove_file(blob(dir.path(), &other.blob)).unwrap();
    assert!(store.layer(patch.diff_id).unwrap().is_none(), "it is known to this process");
    let store = open(dir.path());
    assert!(!store.has_layer(patch.diff_id).unwrap());
    assert!(store.layer(patch.diff_id).unwrap().is_none());
}
