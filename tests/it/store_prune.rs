//! What prune takes, and what it leaves.

#![allow(clippy::unwrap_used, reason = "what tests are built of may panic as tests do")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use proptest::prelude::*;
use rbuild::oci::Digest;
use rbuild::store::{
    CacheMountSpec, Filter, ItemKind, Options, Origin, PruneOptions, PruneReport, Sharing, Store,
};

use crate::store_fixture::{image, is_whole, layer, open, store, tick};

fn everything() -> PruneOptions {
    PruneOptions { all: true, ..PruneOptions::default() }
}

fn prune(store: &Store, options: &PruneOptions) -> PruneReport {
    tick();
    let report = store.prune(options).unwrap();
    assert_eq!(report.failed, Vec::<String>::new());
    report
}

fn kinds(report: &PruneReport) -> Vec<&'static str> {
    let mut kinds: Vec<_> = report.removed.iter().map(|item| item.kind.as_str()).collect();
    kinds.sort_unstable();
    kinds
}

fn mount(store: &Store, id: &str) -> PathBuf {
    let uid = rustix::process::geteuid().as_raw();
    let gid = rustix::process::getegid().as_raw();
    let spec = CacheMountSpec { id: id.to_string(), uid, gid, mode: 0o700, sharing: Sharing::Shared };
    let mount = store.cache_mount(&spec, &mut |_| Ok(()), &|| false).unwrap().unwrap();
    fs::write(mount.path().join("file"), vec![1; 50_000]).unwrap();
    mount.path().to_path_buf()
}

/// What room `snapshot` leaves.
fn snapshot(store: &Store, name: &str) -> PathBuf {
    let path = store.snapshots_dir().join(Digest::of(name.as_bytes()).hex());
    fs::create_dir_all(path.join("etc")).unwrap();
    fs::write(path.join("etc/passwd"), vec![1; 10_000]).unwrap();
    fs::write(path.with_extension("sealed"), "").unwrap();
    path
}

#[test]
fn names_keep_what_they_need_and_the_rest_goes() {
    let (_dir, store) = store();
    let kept = layer(&store, &[("kept", b"kept")]);
    let pulled = layer(&store, &[("pulled", b"pulled")]);
    let loose = layer(&store, &[("loose", b"loose")]);
    let app = image(&store, "app", Origin::Built, &[&pulled, &kept]);
    let base = image(&store, "base", Origin::Pulled, &[&pulled]);
    let other = image(&store, "other", Origin::Pulled, &[]);
    let record = Digest::of(b"key");
    store.put_record(&record, b"result", &[loose.diff_id]).unwrap();

    let report = prune(
        &store,
        &PruneOptions { filters: vec![Filter::parse("type=layer").unwrap()], ..PruneOptions::default() },
    );
    assert_eq!(kinds(&report), ["layer", "record"], "a record goes with its layer, whatever was asked for");
    assert!(store.layer(loose.diff_id).unwrap().is_none());
    assert!(store.record(&record).unwrap().is_none());
    assert!([&app, &base, &other].iter().all(|name| is_whole(&store, name)));

    let report = prune(&store, &everything());
    assert_eq!(kinds(&report), ["blob", "blob", "blob", "blob", "name", "name"]);
    assert!(is_whole(&store, &app));
    assert_eq!(
        store.names().unwrap().into_iter().map(|(r, _)| r).collect::<Vec<_>>(),
        std::slice::from_ref(&app)
    );

    assert!(store.remove_name(&app).unwrap());
    prune(&store, &everything());
    let usage = store.usage().unwrap();
    for (kind, of) in &usage.kinds {
        assert!(of.count == 0 || *kind == ItemKind::Temporary, "{kind}: {of:?}");
    }
    assert!(store.take_healed().is_empty());
}

#[test]
fn what_a_live_build_used_stays_and_goes_when_the_build_has_ended() {
    let (dir, store) = store();
    let used = layer(&store, &[("used", b"used")]);
    let by_record = layer(&store, &[("by record", b"by record")]);
    let unused = layer(&store, &[("unused", b"unused")]);
    let record = Digest::of(b"key");
    store.put_record(&record, b"result", &[by_record.diff_id]).unwrap();
    let sealed = snapshot(&store, "used");
    let old = snapshot(&store, "old");
    let (mounted, idle) = (mount(&store, "used"), mount(&store, "idle"));
    tick();

    let build = open(dir.path());
    let lease = build.lease().unwrap();
    tick();
    build.layer(used.diff_id).unwrap().unwrap();
    // The build has only seen the record so far; it is about to ask for the layer.
    build.record(&record).unwrap().unwrap();
    fs::write(sealed.with_extension("sealed"), "").unwrap();
    mount(&build, "used");
    let made = layer(&build, &[("made", b"made")]);

    let report = prune(&store, &everything());
    assert!(report.in_use >= 4, "{report:?}");
    for layer in [&used, &by_record, &made] {
        assert!(build.layer(layer.diff_id).unwrap().is_some());
    }
    assert!(store.layer(unused.diff_id).unwrap().is_none());
    assert!(sealed.exists() && mounted.exists());
    assert!(!old.exists() && !idle.exists());
    assert!(!old.with_extension("sealed").exists() && !old.with_extension("size").exists());

    drop(lease);
    let report = prune(&store, &everything());
    assert_eq!(report.in_use, 0);
    assert!(build.layer(used.diff_id).unwrap().is_none());
    assert!(!sealed.exists() && !mounted.exists());
    assert_eq!(fs::read_dir(store.root().join("mounts")).unwrap().count(), 0);
}

#[test]
fn a_cache_mount_that_is_held_stays_without_any_lease() {
    let (_dir, store) = store();
    let uid = rustix::process::geteuid().as_raw();
    let gid = rustix::process::getegid().as_raw();
    let spec = CacheMountSpec { id: "x".to_string(), uid, gid, mode: 0o700, sharing: Sharing::Private };
    let mount = store.cache_mount(&spec, &mut |_| Ok(()), &|| false).unwrap().unwrap();
    assert_eq!(prune(&store, &everything()).in_use, 1);
    assert!(mount.path().exists());
}

#[test]
fn the_least_recently_used_goes_first_until_the_store_is_small_enough() {
    let (_dir, store) = store();
    let made: Vec<_> = (0..6_u8)
        .map(|n| {
            tick();
            layer(&store, &[("f", &[n; 200_000])])
        })
        .collect();
    tick();
    // Used again: now the youngest.
    store.layer(made[0].diff_id).unwrap().unwrap();
    let total = store.usage().unwrap().total.bytes;
    let options = PruneOptions { max_used_space: Some(total - 500_000), ..PruneOptions::default() };
    let dry = prune(&store, &PruneOptions { dry_run: true, ..options.clone() });
    assert_eq!(store.usage().unwrap().total.bytes, total);
    let report = prune(&store, &options);
    assert_eq!(report, dry);
    let left: Vec<bool> = made.iter().map(|l| store.layer(l.diff_id).unwrap().is_some()).collect();
    assert_eq!(left, [true, false, false, false, true, true]);
    assert!(store.usage().unwrap().total.bytes <= total - 500_000);

    let report = prune(&store, &PruneOptions { reserved_space: Some(450_000), ..PruneOptions::default() });
    assert_eq!(report.removed.len(), 1, "no more than what is beyond the reserved space");
    let report = prune(&store, &PruneOptions { unused_for: Some(3600), ..PruneOptions::default() });
    assert_eq!(report.removed, [], "nothing is an hour old");
}

#[test]
fn logs_and_stat_caches_are_counted_and_go_by_filter() {
    use std::io::{Read as _, Write as _};
    let (_dir, store) = store();
    let key = Digest::of(b"step");
    let mut log = store.log_writer(&key);
    log.write_all(b"half a l").unwrap();
    drop(log);
    let mut text = String::new();
    store.open_log(&key).unwrap().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "half a l", "a failed step's log stays");
    store.put_stat_cache(std::path::Path::new("/a"), b"x").unwrap();
    let report =
        prune(&store, &PruneOptions { filters: vec![Filter::parse("type!=log").unwrap()], ..everything() });
    assert_eq!(kinds(&report), ["stat-cache"]);
    assert_eq!(kinds(&prune(&store, &everything())), ["log"]);
}

#[test]
fn the_store_keeps_itself_below_its_limit() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { size_limit: Some(1_000_000), ..Options::default() };
    let store = Store::open(dir.path(), options).unwrap();
    for n in 0..30_u8 {
        let lease = store.lease().unwrap();
        layer(&store, &[("f", &[n; 150_000])]);
        store.sync().unwrap();
        drop(lease);
        tick();
        store.collect_if_needed().unwrap();
        assert!(store.usage().unwrap().total.bytes <= 1_200_000, "build {n}");
    }
    assert!(store.usage().unwrap().total.bytes >= 500_000, "not more than needed");
}

#[test]
fn locks_of_dead_flights_are_swept() {
    let (_dir, store) = store();
    fs::write(store.root().join("flights").join(Digest::of(b"dead").hex()), "").unwrap();
    let live = store.flight(&Digest::of(b"live"), &|| false).unwrap().unwrap();
    prune(&store, &everything());
    assert_eq!(fs::read_dir(store.root().join("flights")).unwrap().count(), 1);
    drop(live);
}

#[test]
fn what_is_left_beside_a_snapshot_that_is_gone_is_swept_and_what_is_nobodys_snapshot_stays() {
    let (_dir, store) = store();
    let whole = snapshot(&store, "whole");
    fs::write(whole.with_extension("lock"), "").unwrap();
    let gone = store.snapshots_dir().join(Digest::of(b"gone").hex());
    for left in ["sealed", "size", "lock"] {
        fs::write(gone.with_extension(left), "").unwrap();
    }
    // Somebody is making it.
    let coming = store.snapshots_dir().join(Digest::of(b"coming").hex()).with_extension("lock");
    let held = fs::File::create(&coming).unwrap();
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let others = ["tmp/1-0/upper", "not-a-snapshot"].map(|name| store.snapshots_dir().join(name));
    others.iter().for_each(|other| fs::create_dir_all(other).unwrap());
    let running = fs::File::open(store.snapshots_dir().join("tmp/1-0")).unwrap();
    rustix::fs::flock(&running, rustix::fs::FlockOperation::LockExclusive).unwrap();
    prune(&store, &PruneOptions { unused_for: Some(3600), ..everything() });
    assert!(["sealed", "size", "lock"].iter().all(|left| !gone.with_extension(left).exists()));
    assert!(whole.exists() && whole.with_extension("lock").exists() && coming.exists());
    prune(&store, &everything());
    assert!(!whole.exists() && others.iter().all(|other| other.exists()));
}

#[test]
fn what_a_killed_run_wrote_is_freed_by_prune_and_by_whoever_needs_room() {
    let (_dir, store) = store();
    let dead = store.snapshots_dir().join("tmp/7-0");
    let old = store.snapshots_dir().join("tmp-7-0");
    let wrote = || {
        for directory in [&dead, &old] {
            fs::create_dir_all(directory.join("upper")).unwrap();
            fs::write(directory.join("upper/big"), vec![1; 200_000]).unwrap();
            // As the kernel leaves it.
            fs::create_dir_all(directory.join("work/work")).unwrap();
            fs::set_permissions(directory.join("work/work"), fs::Permissions::from_mode(0o0)).unwrap();
        }
    };
    wrote();
    let report = prune(&store, &PruneOptions { dry_run: true, ..everything() });
    assert!(report.freed >= 400_000 && dead.exists(), "{report:?}");
    let report = prune(&store, &everything());
    assert!(report.freed >= 400_000 && report.left < 100_000, "{report:?}");
    assert!(!dead.exists() && !old.exists());
    wrote();
    let layer = layer(&store, &[("a", &[1; 100_000])]);
    assert!(store.make_room(0));
    assert!(!dead.exists() && !old.exists());
    assert!(store.layer(layer.diff_id).unwrap().is_some(), "that was room enough");
}

#[test]
fn what_has_a_time_of_the_future_can_go_while_no_build_runs() {
    let (_dir, store) = store();
    let blob = store.put_blob(b"later").unwrap();
    let path = store.root().join("blobs/sha256").join(blob.hex());
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(1 << 28);
    fs::File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
    let lease = store.lease().unwrap();
    assert_eq!(prune(&store, &everything()).in_use, 1);
    drop(lease);
    let report = prune(&store, &everything());
    assert_eq!((report.removed.len(), report.in_use), (1, 0));
}

#[test]
fn builds_beside_a_pruning_process_never_lose_what_they_use() {
    let dir = tempfile::tempdir().unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let store = open(dir.path());
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                assert!(store.prune(&everything()).unwrap().failed.is_empty());
            }
        });
        let builders: Vec<_> = (0..3_u8)
            .map(|builder| {
                let dir = dir.path();
                scope.spawn(move || {
                    for round in 0..15_u8 {
                        let store = open(dir);
                        let _lease = store.lease().unwrap();
                        let made: Vec<_> =
                            (0..4).map(|n| layer(&store, &[("f", &[round % 3, n, builder % 2])])).collect();
                        let blob = store.put_blob(b"shared by all").unwrap();
                        for layer in &made {
                            assert!(store.layer(layer.diff_id).unwrap().is_some());
                            std::io::copy(&mut store.open_tar(layer).unwrap(), &mut std::io::sink()).unwrap();
                        }
                        assert!(store.read_blob(&blob, 100).unwrap().is_some());
                        assert_eq!(store.take_healed(), []);
                    }
                })
            })
            .collect();
        let ends: Vec<_> = builders.into_iter().map(|builder| builder.join()).collect();
        // The pruner must end before a builder's panic goes on, or the test never does.
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(ends.iter().all(|end| end.is_ok()), "a builder lost what it used");
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn after_any_prune_all_that_names_need_is_whole(
        images in proptest::collection::vec((0..3_usize, proptest::collection::vec(0..5_usize, 0..4)), 0..5),
        all: bool,
        max in proptest::option::of(0..400_000_u64),
        reserved in proptest::option::of(0..400_000_u64),
        filter in proptest::sample::select(vec!["", "type=layer", "type=blob", "type!=blob", "id=1*", "ref=app*"]),
    ) {
        let (dir, store) = store();
        let layers: Vec<_> = (0..5_u8).map(|n| layer(&store, &[("f", &vec![n; 60_000])])).collect();
        for (n, (origin, of)) in images.iter().enumerate() {
            let origin = [Origin::Built, Origin::Pulled, Origin::Imported][*origin];
            let of: Vec<_> = of.iter().map(|l| &*layers[*l]).collect();
            image(&store, &format!("app{n}"), origin, &of);
        }
        let before = store.names().unwrap();
        let filters = if filter.is_empty() { Vec::new() } else { vec![Filter::parse(filter).unwrap()] };
        prune(&store, &PruneOptions {
            all,
            filters,
            max_used_space: max,
            reserved_space: reserved,
            ..PruneOptions::default()
        });
        let after = open(dir.path());
        for (reference, name) in &before {
            let kept = name.origin != Origin::Pulled || !all;
            let there = after.name(reference).unwrap().is_some();
            prop_assert!(there || !kept, "{reference} went");
            prop_assert!(!there || is_whole(&after, reference), "{reference} is not whole");
        }
        prop_assert_eq!(after.take_healed(), vec![]);
    }
}
