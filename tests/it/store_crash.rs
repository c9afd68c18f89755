//! Processes that die at any moment leave a valid store, and what they held to others.

#![allow(clippy::unwrap_used, reason = "what tests are built of may panic as tests do")]

use std::fs;
use std::io::Write as _;
use std::time::{Duration, Instant};

use rbuild::oci::Digest;
use rbuild::store::{CacheMountSpec, ObjectKind, Origin, Sharing};

use crate::store_fixture::{child, hear, image, is_whole, layer, open, parents_dir, say, store};

#[test]
#[ignore = "the child of another test"]
fn child_that_writes_until_it_is_killed() {
    let Some(dir) = parents_dir() else { return };
    let store = open(&dir);
    say("writing");
    for round in 0_u32.. {
        let content = [&round.to_le_bytes()[..], &[round as u8; 100_000]].concat();
        let made = layer(&store, &[("f", &content)]);
        store.put_record(&Digest::of(&round.to_le_bytes()), b"result", &[made.diff_id]).unwrap();
        image(&store, &format!("app:{}", round % 4), Origin::Built, &[&made]);
        let mut half = store.blob_writer().unwrap();
        half.write_all(&content).unwrap();
        let _dir = store.temp_dir().unwrap();
    }
}

#[test]
fn a_writer_killed_at_any_moment_leaves_a_valid_store_and_no_leftovers() {
    let (dir, first) = store();
    for round in 0..12_u64 {
        let mut child = child("store_crash::child_that_writes_until_it_is_killed", dir.path());
        hear(&mut child, "writing");
        std::thread::sleep(Duration::from_micros(round * round * 700));
        child.kill().unwrap();
        child.wait().unwrap();

        let store = open(dir.path());
        for (reference, _) in store.names().unwrap() {
            assert!(is_whole(&store, &reference), "{reference} after round {round}");
        }
        assert_eq!(store.take_healed(), [], "after round {round}");
        let temporary = fs::read_dir(store.root().join("tmp")).unwrap();
        let temporary: Vec<_> = temporary.map(|e| e.unwrap().file_name()).collect();
        let live = temporary.iter().filter(|n| !n.to_string_lossy().ends_with(".unsynced")).count();
        assert_eq!(live, 2, "this handle's and the first one's: {temporary:?}");
    }
    // The first handle's directory was live all the time.
    first.put_blob(b"still here").unwrap();
}

#[test]
#[ignore = "the child of another test"]
fn child_that_holds_a_flight() {
    let Some(dir) = parents_dir() else { return };
    let store = open(&dir);
    let _flight = store.flight(&Digest::of(b"key"), &|| false).unwrap();
    let spec = mount(Sharing::Locked);
    let _mount = store.cache_mount(&spec, &mut |_| Ok(()), &|| false).unwrap();
    say("held");
    std::thread::sleep(Duration::from_secs(60));
}

fn mount(sharing: Sharing) -> CacheMountSpec {
    let uid = rustix::process::geteuid().as_raw();
    let gid = rustix::process::getegid().as_raw();
    CacheMountSpec { id: "cargo".to_string(), uid, gid, mode: 0o700, sharing }
}

#[test]
fn a_flight_and_a_cache_mount_pass_on_when_their_holder_dies() {
    let (dir, store) = store();
    let mut child = child("store_crash::child_that_holds_a_flight", dir.path());
    hear(&mut child, "held");
    let key = Digest::of(b"key");
    let asked = std::cell::Cell::new(0);
    let twice = || asked.replace(asked.get() + 1) >= 2;
    assert!(store.flight(&key, &twice).unwrap().is_none(), "held by the child");
    asked.set(0);
    assert!(store.cache_mount(&mount(Sharing::Locked), &mut |_| Ok(()), &twice).unwrap().is_none());
    let private = store.cache_mount(&mount(Sharing::Private), &mut |_| Ok(()), &|| false).unwrap().unwrap();
    assert!(private.path().ends_with("1"), "the next free one: {}", private.path().display());

    let killer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        child.kill().unwrap();
        child.wait().unwrap();
    });
    let start = Instant::now();
    let flight = store.flight(&key, &|| false).unwrap().unwrap();
    assert!(flight.waited());
    assert!(start.elapsed() < Duration::from_secs(20));
    let taken = store.cache_mount(&mount(Sharing::Locked), &mut |_| Ok(()), &|| false).unwrap().unwrap();
    assert!(taken.path().ends_with("0"));
    killer.join().unwrap();
    drop(flight);
    assert_eq!(fs::read_dir(store.root().join("flights")).unwrap().count(), 0);
    assert!(!store.flight(&key, &|| false).unwrap().unwrap().waited());
}

#[test]
fn what_was_not_on_disk_when_the_machine_went_down_is_verified_before_it_is_used() {
    let (dir, store) = store();
    let good = store.put_blob(b"good").unwrap();
    let bad = store.put_blob(b"lost").unwrap();
    let blobs = store.root().join("blobs/sha256");
    // As a power cut leaves it: the right size, zeros in it, and the mark of a boot that is over.
    fs::write(blobs.join(bad.hex()), [0; 4]).unwrap();
    let root = store.root().to_path_buf();
    drop(store);
    let mark = |name: &str| fs::read_dir(root.join("tmp")).unwrap().any(|e| e.unwrap().file_name() == name);
    let marks: Vec<_> = fs::read_dir(root.join("tmp")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(marks.len(), 1, "the mark of this boot, and nothing else: {marks:?}");

    let same = open(dir.path());
    assert!(same.take_healed().is_empty(), "the same boot: nothing can be lost");
    drop(same);
    fs::rename(&marks[0], root.join("tmp/0123456789abcdef.unsynced")).unwrap();
    let next = open(dir.path());
    let healed = next.take_healed();
    assert_eq!(healed.iter().map(|h| h.kind).collect::<Vec<_>>(), [ObjectKind::Blob]);
    assert!(healed[0].path.ends_with(bad.hex()));
    assert_eq!(next.blob_size(&good).unwrap(), Some(4));
    assert_eq!(next.blob_size(&bad).unwrap(), None);
    assert!(!mark("0123456789abcdef.unsynced"));
}

#[test]
fn what_was_synced_leaves_no_mark() {
    let (_dir, store) = store();
    store.put_blob(b"x").unwrap();
    store.sync().unwrap();
    let root = store.root().to_path_buf();
    drop(store);
    assert_eq!(fs::read_dir(root.join("tmp")).unwrap().count(), 0);
}
