//! The symlink resolver against the kernel's, on the same tree.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use proptest::prelude::*;
use rbuild::tree::{Entry, Error, Kind, Last, RootPath, Stack, Time};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};

/// What the kernel makes of a path in a directory taken as the root.
fn kernel(root: &Path, path: &RootPath, last: Last) -> rustix::io::Result<RootPath> {
    let follow = if last == Last::Keep { OFlags::NOFOLLOW } else { OFlags::empty() };
    let directory = rustix::fs::openat(CWD, root, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())?;
    let text = if path.is_root() { b"." } else { path.as_bytes() };
    let flags = OFlags::PATH | OFlags::CLOEXEC | follow;
    let open = || {
        rustix::fs::openat2(&directory, OsStr::from_bytes(text), flags, Mode::empty(), ResolveFlags::IN_ROOT)
    };
    // The kernel asks to be asked again when somebody anywhere renames while it looks at a `..`.
    let mut found = open();
    while matches!(found, Err(rustix::io::Errno::AGAIN)) {
        found = open();
    }
    let found = found?;
    let name =
        rustix::fs::readlink(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&found)), vec![])?;
    let base = std::fs::canonicalize(root).expect("it exists");
    let inside =
        name.to_bytes().strip_prefix(base.as_os_str().as_bytes()).expect("the kernel stays in the root");
    Ok(RootPath::clean(inside).expect("the kernel's paths are clean"))
}

fn make(root: &Path, entries: &[Entry]) {
    for entry in entries {
        let at = root.join(OsStr::from_bytes(entry.path.as_bytes()));
        match &entry.kind {
            Kind::Directory => std::fs::create_dir_all(at),
            Kind::Symlink(target) => std::os::unix::fs::symlink(OsStr::from_bytes(target), at),
            _ => std::fs::write(at, ""),
        }
        .expect("a fresh directory takes it");
    }
}

/// A tree of directories, files and links that point anywhere.
fn tree() -> impl Strategy<Value = Vec<Entry>> {
    let name = || prop::sample::select(vec!["a", "b", "c"]);
    let step = prop::sample::select(vec!["a", "b", "c", "..", ".", "", "missing"]);
    let target = (any::<bool>(), prop::collection::vec(step, 1..5))
        .prop_map(|(absolute, steps)| format!("{}{}", if absolute { "/" } else { "" }, steps.join("/")));
    let kind = prop_oneof![
        2 => Just(Kind::Directory),
        1 => Just(Kind::File { size: 0, digest: rbuild::oci::Digest::of(b"") }),
        3 => target.prop_filter("the kernel has no empty links", |t| !t.is_empty()).prop_map(|t| Kind::Symlink(t.into_bytes())),
    ];
    prop::collection::vec((prop::collection::vec(name(), 1..4), kind), 1..12).prop_map(|list| {
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen = BTreeSet::new();
        for (names, kind) in list {
            let path = RootPath::clean(names.join("/")).expect("clean");
            let directory = |p: &RootPath| entries.iter().all(|e| e.path != *p || e.is_directory());
            if seen.contains(path.as_bytes()) || !path.ancestors().all(|above| directory(&above)) {
                continue;
            }
            for above in path.ancestors().skip(1).collect::<Vec<_>>() {
                if seen.insert(above.as_bytes().to_vec()) {
                    entries.push(Entry::directory(above, Time::default()));
                }
            }
            seen.insert(path.as_bytes().to_vec());
            entries.push(Entry { kind, ..Entry::directory(path, Time::default()) });
        }
        entries
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn links_are_followed_as_the_kernel_follows_them(entries in tree()) {
        let temp = tempfile::tempdir().expect("a place");
        make(temp.path(), &entries);
        let mut sorted = entries;
        sorted.sort_by(|a, b| a.path.cmp(&b.path));
        let stack = Stack::new(vec![sorted.into()]);
        let names = ["a", "b", "c", "missing"];
        let mut paths: Vec<String> = names.map(String::from).into();
        for (a, b) in names.iter().flat_map(|a| names.iter().map(move |b| (a, b))) {
            paths.push(format!("{a}/{b}"));
            paths.extend(names.iter().map(|c| format!("{a}/{b}/{c}")));
        }
        for text in paths {
            let path = RootPath::clean(&text).expect("clean");
            for last in [Last::Follow, Last::Keep] {
                let ours = stack.resolve(&path, last);
                match kernel(temp.path(), &path, last) {
                    Ok(theirs) => prop_assert_eq!(ours, Ok(theirs), "{} {:?}", text, last),
                    // Something on the way is missing: we go on literally, and so may find more.
                    Err(rustix::io::Errno::NOENT) => {}
                    Err(rustix::io::Errno::NOTDIR) => prop_assert!(matches!(ours, Err(Error::NotADirectory(_))), "{} {:?} {:?}", text, last, ours),
                    Err(rustix::io::Errno::LOOP) => prop_assert!(matches!(ours, Err(Error::Loop(_))), "{} {:?} {:?}", text, last, ours),
                    Err(other) => panic!("{text}: {other}"),
                }
            }
        }
    }
}
