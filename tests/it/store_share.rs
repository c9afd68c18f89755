//! Many processes, one store.

#![allow(clippy::unwrap_used, reason = "what tests are built of may panic as tests do")]

use std::fs;
use std::io::{Read as _, Write as _};

use rbuild::oci::{DiffId, Digest};
use rbuild::store::{CacheMountSpec, Error, Options, Sharing, Store};

use crate::store_fixture::{child, layer, open, parents_dir, store};

const STEPS: u32 = 12;

/// What a build does: looks every step up, and performs those that nobody has.
fn build(store: &Store, performed: &mut dyn FnMut(u32)) {
    let _lease = store.lease().unwrap();
    for step in 0..STEPS {
        let key = Digest::of(&step.to_le_bytes());
        let content = vec![step as u8; 20_000];
        let known = |store: &Store| {
            let record = store.record(&key).unwrap()?;
            let id = DiffId(std::str::from_utf8(&record).unwrap().parse().unwrap());
            store.layer(id).unwrap()
        };
        if known(store).is_some() {
            continue;
        }
        let _flight = store.flight(&key, &|| false).unwrap().unwrap();
        if known(store).is_some() {
            continue;
        }
        performed(step);
        let made = layer(store, &[("f", &content)]);
        store.put_record(&key, made.diff_id.to_string().as_bytes(), &[made.diff_id]).unwrap();
    }
    store.sync().unwrap();
}

#[test]
#[ignore = "the child of another test"]
fn child_that_builds() {
    let Some(dir) = parents_dir() else { return };
    let store = open(&dir);
    build(&store, &mut |step| {
        let mut log = fs::OpenOptions::new().append(true).create(true).open(dir.join("performed")).unwrap();
        log.write_all(&[step as u8]).unwrap();
    });
    assert!(store.take_healed().is_empty());
}

#[test]
fn builds_in_several_processes_perform_each_step_once() {
    let (dir, store) = store();
    let children: Vec<_> = (0..6).map(|_| child("store_share::child_that_builds", dir.path())).collect();
    for child in children {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    let mut performed = fs::read(dir.path().join("performed")).unwrap();
    performed.sort_unstable();
    assert_eq!(performed, (0..STEPS as u8).collect::<Vec<_>>());
    build(&store, &mut |step| panic!("step {step} is known"));
    assert_eq!(fs::read_dir(store.root().join("flights")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(store.root().join("leases")).unwrap().count(), 0);
}

#[test]
fn writers_of_the_same_blob_all_succeed() {
    let dir = tempfile::tempdir().unwrap();
    let content = vec![9; 1_000_000];
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let store = open(dir.path());
                assert_eq!(store.put_blob(&content).unwrap(), Digest::of(&content));
                assert_eq!(store.read_blob(&Digest::of(&content), 1 << 20).unwrap().unwrap(), content);
            });
        }
    });
    let store = open(dir.path());
    assert_eq!(fs::read_dir(store.root().join("blobs/sha256")).unwrap().count(), 1);
}

#[test]
fn the_files_of_a_layer_are_read_in_any_order() {
    let (_dir, store) = store();
    let made = layer(&store, &[("a", b"first"), ("b", b""), ("c", b"third")]);
    let contents = store.contents(&made, &[2, 0, 1]).unwrap();
    for (index, want) in [(2, "third"), (0, "first"), (1, "")] {
        let mut text = String::new();
        contents.open(index).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, want);
    }
    assert!(matches!(contents.open(3), Err(Error::NotWanted { .. })));
}

#[test]
fn a_file_that_is_not_what_its_entry_says_leaves_no_layer() {
    let (_dir, store) = store();
    let mut writer = store.layer_writer().unwrap();
    let entry = crate::store_fixture::file("a", b"promised");
    assert!(writer.entry(&entry, Some(&mut &b"edited!!"[..])).is_err());
    drop(writer);
    assert_eq!(fs::read_dir(store.root().join("blobs/sha256")).unwrap().count(), 0);
}

#[test]
fn a_cache_mount_is_made_once_with_its_mode_and_content_and_never_seen_half() {
    let (_dir, store) = store();
    let spec = CacheMountSpec {
        id: "a/../../b".to_string(),
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
        mode: 0o1750,
        sharing: Sharing::Shared,
    };
    let broken = store.cache_mount(&spec, &mut |_| Err(std::io::Error::other("disk on fire")), &|| false);
    assert!(broken.unwrap_err().to_string().contains("disk on fire"));
    let mut filled = 0;
    let mut fill = |path: &std::path::Path| {
        filled += 1;
        fs::write(path.join("seed"), "x")
    };
    let first = store.cache_mount(&spec, &mut fill, &|| false).unwrap().unwrap();
    let second = store.cache_mount(&spec, &mut fill, &|| false).unwrap().unwrap();
    assert_eq!((filled, first.path()), (1, second.path()));
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(first.path()).unwrap().permissions());
    assert_eq!(mode & 0o7777, 0o1750);
    let other = CacheMountSpec { mode: 0o755, ..spec.clone() };
    let other = store.cache_mount(&other, &mut |_| Ok(()), &|| false).unwrap().unwrap();
    assert_ne!(first.path(), other.path(), "the mode is part of what a mount is");
    assert!(first.path().starts_with(store.root().join("mounts")));
}

#[test]
fn a_store_of_another_user_is_refused() {
    if !rustix::process::geteuid().is_root() {
        return skip("only root can give a directory to somebody else");
    }
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(dir.path(), Some(12345), None).unwrap();
    // Root may open anybody's.
    Store::open(dir.path(), Options::default()).unwrap();
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store_share::child_that_opens_as_somebody", "--ignored", "--nocapture"])
        .env("RBUILD_TEST_STORE", dir.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("belongs to user 12345, not to user 54321"), "{text}");
}

#[test]
#[ignore = "the child of another test"]
fn child_that_opens_as_somebody() {
    let Some(dir) = parents_dir() else { return };
    rustix::thread::set_thread_uid(rustix::fs::Uid::from_raw(54321)).unwrap();
    println!("{}", Store::open(&dir, Options::default()).err().unwrap());
}

/// Says loudly that a test could not run.
pub fn skip(why: &str) {
    eprintln!("SKIPPED: {why}");
    assert!(std::env::var_os("RBUILD_REQUIRE").is_none(), "RBUILD_REQUIRE is set: {why}");
}
