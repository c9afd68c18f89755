//! A RUN's layer: the rules one by one, and that it makes the tree that the RUN left.

use proptest::prelude::*;

use super::*;
use crate::oci::Digest;
use crate::tree::model::{layer, normal};

const EPOCH: Epoch = Epoch(1000);

fn path(text: &str) -> RootPath {
    RootPath::clean(text).unwrap()
}

fn entry(text: &str, kind: Kind, mtime: i64) -> Entry {
    Entry { kind, ..Entry::directory(path(text), Time::from_seconds(mtime)) }
}

fn directory(text: &str, mtime: i64) -> Entry {
    entry(text, Kind::Directory, mtime)
}

fn file(text: &str, content: &str, mtime: i64) -> Entry {
    entry(text, Kind::File { size: content.len() as u64, digest: Digest::of(content.as_bytes()) }, mtime)
}

fn link(text: &str, target: &str, mtime: i64) -> Entry {
    entry(text, Kind::Hardlink(path(target)), mtime)
}

fn sorted(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    entries
}

fn run(lower: Vec<Entry>, upper: Vec<Entry>) -> Vec<String> {
    let lower = Stack::new(vec![sorted(lower).into()]);
    let kind = |entry: &Entry| match &entry.kind {
        Kind::File { size, .. } => format!("file {size}"),
        Kind::Hardlink(target) => format!("= {target}"),
        kind => format!("{kind:?}").to_lowercase(),
    };
    run_layer(&lower, sorted(upper), EPOCH)
        .unwrap()
        .iter()
        .map(|changed| {
            assert_eq!(
                matches!(changed.entry.kind, Kind::File { .. }),
                matches!(changed.from, Content::Upper(_)),
                "{changed:?}"
            );
            format!("{} {} @{}", changed.entry.path, kind(&changed.entry), changed.entry.mtime.seconds)
        })
        .collect()
}

#[test]
fn what_equals_the_lower_tree_is_left_out_whatever_was_copied_up() {
    let lower = || vec![directory("d", 5), file("d/old", "x", 2000), file("d/ours", "y", EPOCH.0)];
    // Opened for writing: copied up as it is. Touched: recorded at the epoch as before. The directory: a new time alone.
    let upper = vec![directory("d", 3000), file("d/old", "x", 2000), file("d/ours", "y", 3000)];
    assert_eq!(run(lower(), upper), [""; 0]);
    let touched = vec![directory("d", 3000), file("d/old", "x", 3000)];
    assert_eq!(run(lower(), touched), ["/d directory @5", "/d/old file 1 @1000"]);
}

#[test]
fn every_kind_of_change_is_a_change() {
    let lower = || vec![file("a", "x", 1), entry("c", Kind::CharDevice { major: 1, minor: 3 }, 1)];
    let base = file("a", "x", 1);
    let changes = [
        Entry { mode: 0o4755, ..base.clone() },
        Entry { uid: 1, ..base.clone() },
        Entry { gid: 1, ..base.clone() },
        Entry { xattrs: BTreeMap::from([(b"user.x".to_vec(), vec![])]), ..base.clone() },
        file("a", "y", 1),
        entry("a", Kind::Symlink(b"x".to_vec()), 1),
        directory("a", 1),
        entry("c", Kind::CharDevice { major: 1, minor: 5 }, 1),
        entry("c", Kind::Fifo, 1),
    ];
    for change in changes {
        assert_eq!(run(lower(), vec![change.clone()]).len(), 1, "{change:?}");
    }
    let label = BTreeMap::from([(b"security.selinux".to_vec(), b"x".to_vec())]);
    assert_eq!(run(lower(), vec![Entry { xattrs: label, ..base }]), [""; 0]);
}

#[test]
fn whiteouts_are_for_what_exists_and_parents_come_first() {
    let lower = vec![directory("a", 7), directory("a/b", 7), file("a/b/c", "x", 1), file("z", "", 1)];
    let upper = vec![
        directory("a", 2000),
        directory("a/b", 2000),
        entry("a/b/c", Kind::Whiteout, 0),
        entry("a/b/never", Kind::Whiteout, 0),
    ];
    let want = ["/a directory @7", "/a/b directory @7", "/a/b/c whiteout @1000"];
    assert_eq!(run(lower, upper), want);
}

#[test]
fn an_opaque_directory_becomes_explicit_whiteouts() {
    let lower = || {
        vec![
            directory("d", 1),
            directory("d/s", 1),
            file("d/s/x", "", 1),
            file("d/s/y", "", 1),
            file("d/kept", "k", 1),
            file("d/lost", "l", 1),
        ]
    };
    let opaque = entry("d", Kind::OpaqueDirectory, 2000);
    let upper = vec![
        opaque.clone(),
        directory("d/s", 2000),
        file("d/s/x", "", 1),
        file("d/kept", "k", 1),
        file("d/new", "", 2000),
    ];
    let want = [
        "/d directory @1",
        "/d/lost whiteout @1000",
        "/d/new file 0 @1000",
        "/d/s directory @1",
        "/d/s/y whiteout @1000",
    ];
    assert_eq!(run(lower(), upper), want);
    // A whole directory that is gone is one whiteout.
    assert_eq!(
        run(lower(), vec![opaque, file("d/kept", "k", 1), file("d/lost", "l", 1)]),
        ["/d directory @1", "/d/s whiteout @1000"]
    );
    // A new directory is opaque to overlayfs, and nothing to the layer.
    assert_eq!(run(vec![], vec![entry("n", Kind::OpaqueDirectory, 5)]), ["/n directory @5"]);
}

#[test]
fn a_group_of_hard_links_is_in_the_layer_whole_with_its_smallest_name_as_the_file() {
    let want = ["/a file 1 @1000", "/b = /a @1000", "/c = /a @1000"];
    assert_eq!(run(vec![], vec![link("a", "b", 2000), file("b", "x", 2000), link("c", "b", 2000)]), want);
    // `ln old new`: overlayfs copied `old` up, unchanged, and left its other name below.
    let lower = vec![file("m", "x", 1), link("other", "m", 1), file("single", "s", 1)];
    let upper = vec![link("m", "new", 1), file("new", "x", 1)];
    assert_eq!(run(lower.clone(), upper), ["/m file 1 @1", "/new = /m @1", "/other = /m @1"]);
    // The group as it was, copied up whole.
    assert_eq!(run(lower.clone(), vec![file("m", "x", 1), link("other", "m", 1)]), [""; 0]);
    // One name changed: overlayfs has parted it from the other.
    assert_eq!(run(lower.clone(), vec![file("m", "changed", 2000)]), ["/m file 7 @1000"]);
    // Two files of equal content became one.
    let lower = vec![file("a", "x", 1), file("b", "x", 1)];
    assert_eq!(run(lower, vec![file("a", "x", 1), link("b", "a", 1)]), ["/a file 1 @1", "/b = /a @1"]);
}

#[test]
fn the_bytes_of_an_elected_file_are_found_under_the_name_it_had_above() {
    let lower = Stack::default();
    let changed = run_layer(&lower, vec![link("a", "b", 1), file("b", "x", 1)], EPOCH).unwrap();
    assert_eq!(changed[0].entry.path, path("a"));
    assert_eq!(changed[0].from, Content::Upper(path("b")));
}

#[test]
fn a_name_that_means_removal_is_an_error_that_names_it() {
    let error = run_layer(&Stack::default(), vec![file("d/.wh.x", "", 1)], EPOCH).unwrap_err();
    assert_eq!(error, Error::WhiteoutName("/d/.wh.x".to_string()));
}

#[test]
fn the_root_is_in_the_layer_only_if_it_changed() {
    let root = directory("", 2000);
    assert_eq!(run(vec![directory("", 3)], vec![root.clone(), file("a", "", 1)]), ["/a file 0 @1"]);
    assert_eq!(run(vec![directory("", 3)], vec![Entry { mode: 0o700, ..root }]), ["/ directory @3"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn the_layer_of_a_run_makes_the_tree_that_the_run_left(
        lower in prop::collection::vec(layer(true), 0..4),
        upper in layer(true),
    ) {
        let lower = Stack::new(lower);
        // A directory on disk has all its parents.
        let mut upper: BTreeMap<RootPath, Entry> = upper.iter().map(|entry| (entry.path.clone(), entry.clone())).collect();
        for parent in upper.keys().flat_map(RootPath::ancestors).filter(|p| !p.is_root()).collect::<Vec<_>>() {
            upper.entry(parent.clone()).or_insert(Entry::directory(parent, Time::default()));
        }
        let upper: Vec<Entry> = upper.into_values().collect();
        let changed = run_layer(&lower, upper.to_vec(), EPOCH).unwrap();
        let entries: Vec<Entry> = changed.iter().map(|changed| changed.entry.clone()).collect();
        prop_assert!(entries.windows(2).all(|pair| pair[0].path < pair[1].path));
        for entry in &entries {
            prop_assert!(entry.kind != Kind::OpaqueDirectory && entry.mtime <= Time::from_seconds(EPOCH.0));
            let parent = entry.path.parent().filter(|parent| !parent.is_root());
            prop_assert!(parent.is_none_or(|parent| entries.iter().any(|e| e.path == parent && e.is_directory())));
        }
        let root = RootPath::root();
        let left = normal(lower.push(upper.into()).walk(&root));
        let made = normal(lower.push(entries.clone().into()).walk(&root));
        prop_assert_eq!(left.len(), made.len());
        for ((left, _), (made, _)) in left.iter().zip(&made) {
            let mtime = if left.is_directory() { made.mtime } else { left.mtime };
            prop_assert_eq!(&Entry { mtime, ..left.clone() }, made);
        }
        // What was one file still is one.
        for (a, b) in left.iter().zip(&made).flat_map(|a| left.iter().zip(&made).map(move |b| (a, b))) {
            prop_assert!(a.0.1.is_none() || a.0.1 != b.0.1 || a.1.1 == b.1.1);
        }
        // And a snapshot made equal to the layer gives the same layer again.
        let again = run_layer(&lower, entries.clone(), EPOCH).unwrap();
        prop_assert_eq!(again.into_iter().map(|changed| changed.entry).collect::<Vec<_>>(), entries);
    }
}
