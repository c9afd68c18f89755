//! Scans of real directories.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests, too")]

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use rbuild::oci::{Digest, LAYER_EPOCH};
use rbuild::source::{ContextModes, Local, Scan, ScanOptions, Wanted};
use rbuild::tree::{Kind, Patterns, RootPath, Time};

fn root() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn write(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Long enough for any file system's clock to tick; what is older can be believed by its stamps.
fn settle() {
    std::thread::sleep(Duration::from_millis(50));
}

fn scan_with(root: &Path, change: impl FnOnce(&mut ScanOptions<'_>)) -> Result<Scan, rbuild::source::Error> {
    let (wanted, ignore) = ([Wanted::all()], Patterns::default());
    let mut options = ScanOptions {
        wanted: &wanted,
        ignore: &ignore,
        modes: ContextModes::Normalise,
        epoch: Some(LAYER_EPOCH),
        cache: None,
    };
    change(&mut options);
    Local::open(root).unwrap().scan(&options)
}

fn scan(root: &Path, cache: Option<&[u8]>) -> Scan {
    // Written anew, since the closure above cannot lend what lives shorter.
    let (wanted, ignore) = ([Wanted::all()], Patterns::default());
    let (modes, epoch) = (ContextModes::Normalise, Some(LAYER_EPOCH));
    Local::open(root)
        .unwrap()
        .scan(&ScanOptions { wanted: &wanted, ignore: &ignore, modes, epoch, cache })
        .unwrap()
}

fn names(scan: &Scan) -> Vec<String> {
    scan.entries().iter().map(|entry| entry.path.to_string()).collect()
}

fn wanted(root: &Path, patterns: &[&str], ignore: &str) -> Vec<String> {
    let wanted: Vec<Wanted> = patterns.iter().map(|pattern| Wanted::pattern(pattern)).collect();
    let ignore = Patterns::parse(ignore).unwrap();
    let (modes, epoch) = (ContextModes::Normalise, Some(LAYER_EPOCH));
    let options = ScanOptions { wanted: &wanted, ignore: &ignore, modes, epoch, cache: None };
    names(&Local::open(root).unwrap().scan(&options).unwrap())
}

#[test]
fn a_scan_is_sorted_hashed_and_normalised() {
    let dir = root();
    write(dir.path(), "a/b", "bee");
    write(dir.path(), "a-b", "");
    write(dir.path(), "z.txt", "zed");
    symlink("../nowhere", dir.path().join("a/link")).unwrap();
    fs::hard_link(dir.path().join("z.txt"), dir.path().join("same")).unwrap();
    fs::write(dir.path().join(OsStr::from_bytes(b"\xff\xfe name\n")), "odd").unwrap();
    for (path, mode) in [("a/b", 0o4777), ("z.txt", 0o600), ("a", 0o3775)] {
        fs::set_permissions(dir.path().join(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    let scan = scan(dir.path(), None);
    let entries = scan.entries();
    let paths: Vec<&[u8]> = entries.iter().map(|e| e.path.as_bytes()).collect();
    assert_eq!(paths, [b"a".as_slice(), b"a/b", b"a/link", b"a-b", b"same", b"z.txt", b"\xff\xfe name\n"]);
    for entry in entries.iter() {
        assert_eq!((entry.uid, entry.gid), (0, 0));
        assert_eq!(entry.mtime, Time::from_seconds(LAYER_EPOCH.0));
    }
    let modes: Vec<u32> = entries.iter().map(|entry| entry.mode).collect();
    assert_eq!(modes[..3], [0o755, 0o755, 0o777]);
    assert_eq!(modes[4..6], [0o600, 0o600], "a hard link is a file of its own");
    assert_eq!(scan.loosened, 2);
    assert_eq!(entries[1].kind, Kind::File { size: 3, digest: Digest::of(b"bee") });
    assert_eq!(entries[2].kind, Kind::Symlink(b"../nowhere".to_vec()));
    assert_eq!(entries[3].kind, Kind::File { size: 0, digest: Digest::of(b"") });
    assert_eq!(scan.read, 3 + 3 + 3 + 3);
}

#[test]
fn preserved_modes_and_times_are_the_files_own() {
    let dir = root();
    write(dir.path(), "f", "x");
    fs::set_permissions(dir.path().join("f"), fs::Permissions::from_mode(0o2775)).unwrap();
    let metadata = fs::metadata(dir.path().join("f")).unwrap();
    let kept = scan_with(dir.path(), |o| (o.modes, o.epoch) = (ContextModes::Preserve, None)).unwrap();
    assert_eq!(kept.entries()[0].mode, metadata.mode() & 0o7777);
    assert_eq!(kept.entries()[0].mtime, Time::from_seconds(metadata.mtime()));
    assert_eq!((kept.loosened, kept.entries()[0].uid), (0, 0));
    let git = scan_with(dir.path(), |o| o.modes = ContextModes::Git).unwrap();
    assert_eq!((git.entries()[0].mode, git.loosened), (0o755, 1));
}

#[test]
fn the_second_scan_reads_nothing() {
    let dir = root();
    for n in 0..700 {
        write(dir.path(), &format!("d{}/f{n}", n % 3), &format!("content {n}"));
    }
    settle();
    let first = scan(dir.path(), None);
    assert!(first.read > 0);
    let cache = first.cache.as_deref().expect("there was none");
    let second = scan(dir.path(), Some(cache));
    assert_eq!(second.read, 0);
    assert_eq!(second.entries(), first.entries());
    assert!(second.cache.is_none(), "an unchanged cache need not be written again");
}

#[test]
fn an_edit_of_one_byte_with_the_old_size_and_time_is_noticed() {
    let dir = root();
    write(dir.path(), "f", "one");
    write(dir.path(), "g", "two");
    settle();
    let cache = scan(dir.path(), None).cache.unwrap();
    settle();
    let file = fs::OpenOptions::new().write(true).open(dir.path().join("f")).unwrap();
    let before = file.metadata().unwrap().modified().unwrap();
    (&file).write_all(b"won").unwrap();
    file.set_modified(before).unwrap();
    drop(file);
    settle();
    let after = scan(dir.path(), Some(&cache));
    assert_eq!(after.entries()[0].kind, Kind::File { size: 3, digest: Digest::of(b"won") });
    assert_eq!(after.read, 3, "and nothing else is read");
    assert_eq!(scan(dir.path(), after.cache.as_deref()).read, 0);
}

#[test]
fn a_file_changed_in_the_tick_of_the_scan_is_read_again() {
    let dir = root();
    write(dir.path(), "old", "settled");
    settle();
    // However fast this is, no edit may ever hide behind the stamp of the version before it.
    let mut cache = None;
    for round in 0..200u8 {
        let content = [b'a' + round % 26; 8];
        fs::write(dir.path().join("young"), content).unwrap();
        let scan = scan(dir.path(), cache.as_deref());
        assert_eq!(
            scan.entries()[1].kind,
            Kind::File { size: 8, digest: Digest::of(&content) },
            "round {round}"
        );
        cache = scan.cache.or(cache);
    }
}

#[test]
fn a_cache_of_another_version_is_as_good_as_none_and_a_replaced_one_forgets_what_is_gone() {
    let dir = root();
    write(dir.path(), "a", "1");
    write(dir.path(), "b", "22");
    settle();
    let cache = scan(dir.path(), None).cache.unwrap();
    let mut other = cache.clone();
    other[7] ^= 1;
    assert_eq!(scan(dir.path(), Some(&other)).read, 3);
    assert_eq!(scan(dir.path(), Some(b"")).read, 3);
    fs::remove_file(dir.path().join("b")).unwrap();
    let smaller = scan(dir.path(), Some(&cache)).cache.expect("something is gone");
    assert!(smaller.len() < cache.len());
}

#[test]
fn only_what_is_wanted_is_looked_at_and_the_rest_of_the_cache_is_kept() {
    let dir = root();
    for path in ["src/a.c", "src/b.h", "src/deep/c.c", "doc/d.md", "Makefile"] {
        write(dir.path(), path, path);
    }
    // What is not wanted may be as unreadable as it likes.
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("doc/socket")).unwrap();
    let at = |patterns: &[&str]| wanted(dir.path(), patterns, "");
    assert_eq!(at(&["src/*.c"]), ["/src", "/src/a.c"]);
    assert_eq!(at(&["src"]), ["/src", "/src/a.c", "/src/b.h", "/src/deep", "/src/deep/c.c"]);
    assert_eq!(at(&["Makefile", "none/x", "src/deep/"]), ["/Makefile", "/src", "/src/deep", "/src/deep/c.c"]);
    assert_eq!(at(&["*/d*"][..]).len(), 5, "the socket does not match");
    assert_eq!(at(&[]), [""; 0]);
    settle();
    let (all, ignore) = ([Wanted::pattern("src"), Wanted::pattern("Makefile")], Patterns::default());
    let (modes, epoch) = (ContextModes::Normalise, Some(LAYER_EPOCH));
    let options = ScanOptions { wanted: &all, ignore: &ignore, modes, epoch, cache: None };
    let local = Local::open(dir.path()).unwrap();
    let cache = local.scan(&options).unwrap().cache.unwrap();
    let one = [Wanted::pattern("src/a.c")];
    let part = local.scan(&ScanOptions { wanted: &one, cache: Some(&cache), ..options }).unwrap();
    assert_eq!(part.read, 0);
    let cache = part.cache.unwrap_or(cache);
    assert_eq!(local.scan(&ScanOptions { cache: Some(&cache), ..options }).unwrap().read, 0);
}

#[test]
fn what_a_named_link_leads_to_is_wanted_too() {
    let dir = root();
    write(dir.path(), "real/deep/f", "x");
    write(dir.path(), "real/other", "y");
    write(dir.path(), "unrelated", "z");
    symlink("real/deep", dir.path().join("to-directory")).unwrap();
    symlink("/real/other", dir.path().join("absolute")).unwrap();
    symlink("../../../absolute", dir.path().join("chain")).unwrap();
    symlink("loop", dir.path().join("loop")).unwrap();
    symlink("gone", dir.path().join("dangling")).unwrap();
    let at = |pattern: &str| wanted(dir.path(), &[pattern], "");
    assert_eq!(at("to-directory/f"), ["/real", "/real/deep", "/real/deep/f", "/to-directory"]);
    assert_eq!(at("chain"), ["/absolute", "/chain", "/real", "/real/other"]);
    assert_eq!(at("abs*"), ["/absolute", "/real", "/real/other"]);
    assert_eq!(at("dangling"), ["/dangling"]);
    assert_eq!(
        at("*/other"),
        ["/absolute", "/chain", "/dangling", "/loop", "/real", "/real/deep", "/real/other", "/to-directory"]
    );
    let error = scan_with(dir.path(), |_| ()).map(|_| ()).err();
    assert!(error.is_none(), "a link that is not named is not followed");
    let ignore = Patterns::default();
    let (modes, epoch) = (ContextModes::Normalise, None);
    for pattern in ["loop", "loop/other", "lo*"] {
        let many = [Wanted::pattern(pattern)];
        let options = ScanOptions { wanted: &many, ignore: &ignore, modes, epoch, cache: None };
        let error = Local::open(dir.path()).unwrap().scan(&options).unwrap_err().to_string();
        assert!(error.contains("too many levels of symbolic links"), "{pattern}: {error}");
    }
}

#[test]
fn ignored_paths_are_left_out_and_ignored_directories_not_entered() {
    let dir = root();
    for path in ["a/keep", "a/drop", "node_modules/x/y", "logs/one.log", "logs/two.txt", "Dockerfile"] {
        write(dir.path(), path, path);
    }
    // Reading it would fail the scan, for everybody but root.
    fs::set_permissions(dir.path().join("node_modules"), fs::Permissions::from_mode(0o000)).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("a/drop.sock")).unwrap();
    let ignore = "node_modules\nDockerfile\na/drop*\nlogs\n!logs/two.txt\nempty\n!empty/none\n";
    fs::create_dir(dir.path().join("empty")).unwrap();
    assert_eq!(wanted(dir.path(), &["."], ignore), ["/a", "/a/keep", "/logs", "/logs/two.txt"]);
    fs::set_permissions(dir.path().join("node_modules"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_socket_is_refused_by_its_path() {
    let dir = root();
    fs::create_dir(dir.path().join("run")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("run/s")).unwrap();
    let error = scan_with(dir.path(), |_| ()).unwrap_err().to_string();
    assert!(error.contains("/run/s is a socket") && error.contains(".dockerignore"), "{error}");
}

#[test]
fn a_root_may_be_a_link_but_must_be_a_directory() {
    let dir = root();
    write(dir.path(), "real/f", "x");
    symlink("real", dir.path().join("link")).unwrap();
    assert_eq!(names(&scan(&dir.path().join("link"), None)), ["/f"]);
    let said = |name: &str| Local::open(&dir.path().join(name)).unwrap_err().to_string();
    assert!(said("none").contains("it does not exist"));
    assert!(said("real/f").contains("it is not a directory"));
}

#[test]
fn contents_are_opened_without_following_any_link() {
    let dir = root();
    write(dir.path(), "d/f", "inside");
    symlink("d", dir.path().join("l")).unwrap();
    symlink("/etc/passwd", dir.path().join("d/out")).unwrap();
    let local = Local::open(dir.path()).unwrap();
    let open = |path: &str| local.open_file(&RootPath::clean(path).unwrap());
    let mut content = String::new();
    open("d/f").unwrap().read_to_string(&mut content).unwrap();
    assert_eq!(content, "inside");
    for path in ["l/f", "d/out", "d", "none"] {
        assert!(open(path).is_err(), "{path}");
    }
    // Long, as some package managers nest.
    let deep = vec!["x".repeat(200); 15].join("/");
    write(dir.path(), &format!("{deep}/f"), "deep");
    let scan = scan(dir.path(), None);
    assert!(scan.entries().iter().any(|e| e.kind == Kind::File { size: 4, digest: Digest::of(b"deep") }));
}

#[test]
fn bytes_are_believed_only_as_long_as_every_stamp_is_that_of_the_scan() {
    let dir = root();
    for name in ["kept", "touched", "edited", "replaced", "chmodded", "grown"] {
        write(dir.path(), name, "old bytes");
    }
    write(dir.path(), "large", &"x".repeat(200_000));
    settle();
    let scanned = scan(dir.path(), None);
    let local = Local::open(dir.path()).unwrap();
    let entries = scanned.entries();
    let settled = |name: &str| {
        let index = entries.iter().position(|entry| entry.path.name() == name.as_bytes()).unwrap();
        let mut out = b"before".to_vec();
        match scanned.read_settled(&local, index, &mut out) {
            true => assert_eq!(out, b"beforeold bytes", "{name}"),
            false => assert_eq!(out, b"before", "{name}"),
        }
        out.len() > 6
    };
    let all = ["kept", "touched", "edited", "replaced", "chmodded", "grown"];
    assert_eq!(all.map(settled), [true; 6]);
    assert!(!settled("large"), "it is read in parts");
    let at = |name: &str| dir.path().join(name);
    fs::File::options()
        .write(true)
        .open(at("touched"))
        .unwrap()
        .set_modified(std::time::SystemTime::now())
        .unwrap();
    let before = fs::metadata(at("edited")).unwrap().modified().unwrap();
    let edited = fs::File::options().write(true).open(at("edited")).unwrap();
    (&edited).write_all(b"new bytes").unwrap();
    edited.set_modified(before).unwrap();
    fs::write(at("other"), "old bytes").unwrap();
    fs::rename(at("other"), at("replaced")).unwrap();
    fs::set_permissions(at("chmodded"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::File::options().append(true).open(at("grown")).unwrap().write_all(b"!").unwrap();
    assert_eq!(all.map(settled), [true, false, false, false, false, false]);
    fs::remove_file(at("kept")).unwrap();
    assert!(!settled("kept"));
}

#[test]
fn bytes_that_changed_in_the_tick_of_the_scan_are_never_believed() {
    let dir = root();
    let local = Local::open(dir.path()).unwrap();
    // Whether both edits fall into one tick is chance; that the bytes are those of the entry never is.
    for round in 0..200u8 {
        fs::write(dir.path().join("young"), [round; 8]).unwrap();
        let scanned = scan(dir.path(), None);
        fs::write(dir.path().join("young"), [round ^ 0xff; 8]).unwrap();
        let mut out = Vec::new();
        if scanned.read_settled(&local, 0, &mut out) {
            let read = Kind::File { size: 8, digest: Digest::of(&out) };
            assert_eq!(scanned.entries()[0].kind, read, "round {round}");
        }
    }
}
