//! Chains of layers as overlay lower directories.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;

use rbuild::oci::{ChainId, LAYER_EPOCH};
use rbuild::snapshot::{Error, Fetch, Snapshots};
use rbuild::tree::{Kind, Time};

use crate::snapshot_fixture::{
    Hand, Hands, Mounted, assert_same, can_mount, entries_of, entries_of_stack, path, scratch, skip,
};

fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        skip("snapshots with owners need root, here or in a user namespace");
    }
    root
}

/// A base, and layers on it with all that foreign tars do.
pub fn foreign() -> Hands {
    let base = Hand::default()
        .with("", Kind::Directory, 0o755, |e| e.mtime = Time::from_seconds(1_000))
        .put("etc", Kind::Directory, 0o750)
        .file("etc/passwd", "root", 0o644)
        .file("etc/shadow", "secret", 0o600)
        .with("home", Kind::Directory, 0o2775, |e| (e.uid, e.gid) = (7, 8))
        .file_with("home/tool", vec![7; 600_000], 0o4755, |e| {
            (e.uid, e.gid) = (1, 2);
            let mut capability = vec![1, 0, 0, 2, 0, 32, 0, 0];
            capability.resize(20, 0);
            e.xattrs.insert(b"security.capability".to_vec(), capability);
            e.xattrs.insert(b"user.colour".to_vec(), b"blue".to_vec());
        })
        .put("home/zlink", Kind::Hardlink(path("home/tool")), 0o4755)
        .with("home/alink", Kind::Hardlink(path("home/tool")), 0o4755, |e| (e.uid, e.gid) = (1, 2))
        .put("link", Kind::Symlink(b"../../etc/passwd".to_vec()), 0o777)
        .put("way", Kind::Symlink(b"home".to_vec()), 0o777)
        .put("pipe", Kind::Fifo, 0o620)
        .put("old", Kind::Directory, 0o755)
        .put("old/deep", Kind::Directory, 0o700)
        .file("old/deep/file", "", 0o444)
        .file(b"caf\xe9", "not UTF-8", 0o644)
        .file("n".repeat(255), "long name", 0o644)
        .put("tmp", Kind::Directory, 0o1777);
    let mut many = Hand::default();
    for number in 0..40 {
        many = many.file(format!("home/many/{number}"), format!("{number}"), 0o640);
    }
    // No parents: they have to keep what they have below.
    let top = Hand::default()
        .put("etc/shadow", Kind::Whiteout, 0)
        .file("home/new/file", "implicit parent", 0o644)
        .put("old/deep", Kind::OpaqueDirectory, 0o711)
        .file("old/deep/other", "x", 0o600)
        .file("link", "a file now", 0o644)
        .file("way/new", "where a symbolic link was", 0o644);
    Hands(vec![base, many, top])
}

#[test]
fn an_overlay_of_the_snapshots_shows_what_the_lists_say() {
    if !can_mount() {
        return;
    }
    let scratch = scratch();
    let hands = foreign();
    let snapshots = Snapshots::open(&scratch.path().join("snapshots")).expect("opens");
    let lowers = snapshots.lowers(&hands.chain(), &hands).expect("made");
    assert_eq!(lowers.len(), 3);
    let stack = hands.stack();
    let active = snapshots.prepare(&stack).expect("prepared");
    let mounted = Mounted::new(&scratch.path().join("m"), &lowers, &active.upper(), &active.work());
    assert_same(&entries_of(&mounted.0), &entries_of_stack(&stack), "overlay against stack");
}

#[test]
fn a_chain_beyond_the_limit_is_merged_and_shows_the_same() {
    if !can_mount() {
        return;
    }
    let scratch = scratch();
    let mut hands = foreign();
    for number in 0..8 {
        hands.0.push(Hand::default().file("counter", format!("{number}"), 0o644));
    }
    let snapshots = Snapshots::open(&scratch.path().join("snapshots")).expect("opens").with_limit(4);
    let lowers = snapshots.lowers(&hands.chain(), &hands).expect("made");
    assert!(lowers.len() <= 4, "{lowers:?}");
    let names: Vec<_> =
        snapshots.names(&hands.chain()).expect("small").iter().rev().map(|n| n.0.hex()).collect();
    assert!(lowers.iter().map(|l| l.file_name().expect("named")).eq(names.iter().map(|n| n.as_str())));
    let stack = hands.stack();
    let active = snapshots.prepare(&stack).expect("prepared");
    let mounted = Mounted::new(&scratch.path().join("m"), &lowers, &active.upper(), &active.work());
    assert_same(&entries_of(&mounted.0), &entries_of_stack(&stack), "overlay against stack");
}

/// Thirty-two small layers that write over each other, on a foreign base; `odd` changes the twentieth.
fn small(odd: impl FnOnce(Hand) -> Hand) -> Hands {
    let mut hands = foreign();
    let small = |number: usize| {
        Hand::default()
            .with("home", Kind::Directory, 0o700 + number as u32 % 8, |e| e.uid = number as u32)
            .file("counter", format!("{number}"), 0o644)
            .file(format!("new/{}/own", number % 5), format!("{number}"), 0o600)
            .put(format!("new/link{number}"), Kind::Symlink(b"../counter".to_vec()), 0o777)
    };
    hands.0.extend((0..32).map(small));
    hands.0[20] = odd(hands.0[20].clone());
    hands
}

#[test]
fn small_layers_that_remove_nothing_share_a_directory_and_show_the_same() {
    if !can_mount() {
        return;
    }
    type Case = (&'static str, fn(Hand) -> Hand, usize);
    let odd: [Case; 5] = [
        ("none", |hand| hand, 3 + 2),
        // The others begin again to be counted after it.
        ("a removal", |hand| hand.put("etc/passwd", Kind::Whiteout, 0), 3 + 1 + 2 + 14),
        ("an opaque directory", |hand| hand.put("etc", Kind::OpaqueDirectory, 0o755), 3 + 1 + 2 + 14),
        ("a large one", |hand| hand.file("large", vec![7; 70_000], 0o644), 3 + 1 + 2 + 14),
        ("a directory in place of a file", |_| Hand::default().file("counter/below", "x", 0o644), 3 + 1 + 16),
    ];
    for (what, odd, count) in odd {
        let scratch = scratch();
        let mut hands = small(odd);
        if what == "a directory in place of a file" {
            // Nothing may write the file again.
            for hand in &mut hands.0[21..] {
                *hand = Hand::default().file("counter/below", "y", 0o644);
            }
        }
        let snapshots = Snapshots::open(&scratch.path().join("snapshots")).expect("opens");
        let lowers = snapshots.lowers(&hands.chain(), &hands).expect("made");
        assert_eq!(lowers.len(), count, "{what}");
        let stack = hands.stack();
        let active = snapshots.prepare(&stack).expect("prepared");
        let mounted = Mounted::new(&scratch.path().join("m"), &lowers, &active.upper(), &active.work());
        assert_same(&entries_of(&mounted.0), &entries_of_stack(&stack), what);
        // Nobody makes them twice, and another process finds the same.
        let again = Snapshots::open(&scratch.path().join("snapshots")).expect("opens");
        assert_eq!(again.lowers(&hands.chain(), &Nothing).expect("made"), lowers, "{what}");
    }
}

#[test]
fn an_opaque_root_hides_all_layers_below_it() {
    if !is_root() {
        return;
    }
    let scratch = scratch();
    let mut hands = foreign();
    hands.0.push(Hand::default().put("", Kind::OpaqueDirectory, 0o755).file("only", "me", 0o644));
    let snapshots = Snapshots::open(scratch.path()).expect("opens");
    let lowers = snapshots.lowers(&hands.chain(), &hands).expect("made");
    let names: Vec<String> = entries_of(&lowers[0]).iter().map(|e| e.path.to_string()).collect();
    assert_eq!((lowers.len(), names), (1, vec!["/".to_string(), "/only".to_string()]));
}

struct Nothing;

impl Fetch for Nothing {
    fn fetch(
        &self,
        _: usize,
        _: &[usize],
        _: &mut dyn FnMut(usize, &mut dyn Read) -> io::Result<()>,
    ) -> io::Result<()> {
        Err(io::Error::other("asked for bytes"))
    }
}

#[test]
fn a_sealed_snapshot_is_not_made_again_and_an_unsealed_one_is_replaced() {
    if !is_root() {
        return;
    }
    let scratch = scratch();
    let hands = foreign();
    let chain = hands.chain();
    let directory = scratch.path().join("snapshots");
    let lowers = Snapshots::open(&directory).expect("opens").lowers(&chain, &hands).expect("made");
    let again = Snapshots::open(&directory).expect("opens").lowers(&chain, &Nothing).expect("there");
    assert_eq!(lowers, again);
    // What a crash leaves: a directory without its marker, and a temporary one.
    let base = ChainId(chain[0].diff_id.0).0.hex();
    fs::remove_file(directory.join(format!("{base}.sealed"))).expect("sealed");
    fs::remove_file(directory.join(&base).join("etc/passwd")).expect("there");
    fs::create_dir_all(directory.join("tmp/1-77/upper/x")).expect("made");
    let snapshots = Snapshots::open(&directory).expect("opens");
    assert!(!directory.join("tmp/1-77").exists());
    assert!(matches!(snapshots.lowers(&chain, &Nothing), Err(Error::Fetch { layer: 0, .. })));
    snapshots.lowers(&chain, &hands).expect("made");
    assert!(directory.join(&base).join("etc/passwd").exists());
}

#[test]
fn a_snapshot_of_another_boot_is_trusted_only_once_it_was_synced() {
    if !is_root() {
        return;
    }
    let scratch = scratch();
    let mut hands = foreign();
    // More than is made again in a moment.
    let numbers = 0..5000;
    hands.0[0] = numbers.fold(hands.0[0].clone(), |hand, n| hand.file(format!("usr/many/{n}"), b"x", 0o644));
    let chain = hands.chain();
    let snapshots = Snapshots::open(scratch.path()).expect("opens");
    snapshots.lowers(&chain, &hands).expect("made");
    let marker = scratch.path().join(format!("{}.sealed", chain[0].diff_id.0.hex()));
    let text = fs::read_to_string(&marker).expect("sealed");
    let boot = text.lines().find(|l| l.starts_with("boot ")).expect("not synced yet");
    fs::write(&marker, text.replace(boot, "boot another")).expect("written");
    let other = Snapshots::open(scratch.path()).expect("opens");
    assert!(matches!(other.lowers(&chain, &Nothing), Err(Error::Fetch { .. })));
    assert!(snapshots.sync().expect("synced").is_some());
    other.lowers(&chain, &Nothing).expect("trusted");
}

#[test]
fn nobody_waits_for_a_snapshot_that_is_made_again_in_a_moment_to_be_on_the_disk() {
    if !is_root() {
        return;
    }
    let (scratch, hands) = (scratch(), foreign());
    let snapshots = Snapshots::open(scratch.path()).expect("opens");
    snapshots.lowers(&hands.chain(), &hands).expect("made");
    assert_eq!(snapshots.sync().expect("nothing to do"), None);
    let marker = scratch.path().join(format!("{}.sealed", hands.chain()[0].diff_id.0.hex()));
    assert!(fs::read_to_string(&marker).expect("sealed").contains("boot "));
}

#[test]
fn a_snapshot_that_was_changed_is_noticed_by_the_look_that_begins_before_lists_are_read() {
    if !is_root() {
        return;
    }
    let scratch = scratch();
    let hands = foreign();
    let chain = hands.chain();
    let ids: Vec<_> = chain.iter().map(|layer| layer.diff_id).collect();
    let paths = Snapshots::open(scratch.path()).expect("opens").lowers(&chain, &hands).expect("made");
    let again = Snapshots::open(scratch.path()).expect("opens");
    again.begin_look(&ids);
    assert_eq!(again.settle().expect("looked"), 0);
    assert_eq!(again.lowers(&chain, &Nothing).expect("found"), paths);
    // The lowest layer's directory, with its times as they were.
    let lowest = paths.last().expect("one");
    let time = fs::metadata(lowest).expect("there").modified().expect("known");
    fs::write(lowest.join("smuggled"), "in").expect("written");
    fs::File::open(lowest).expect("opens").set_modified(time).expect("set");
    let later = Snapshots::open(scratch.path()).expect("opens");
    later.begin_look(&ids);
    assert_eq!(later.settle().expect("looked"), 1);
    assert!(!lowest.exists(), "it is made again");
    later.lowers(&chain, &hands).expect("made");
    assert!(lowest.exists() && !lowest.join("smuggled").exists());
}

#[test]
fn bytes_that_are_not_the_lists_are_named_and_nothing_is_left() {
    struct Flipped(Hands);
    impl Fetch for Flipped {
        fn fetch(
            &self,
            layer: usize,
            wanted: &[usize],
            f: &mut dyn FnMut(usize, &mut dyn Read) -> io::Result<()>,
        ) -> io::Result<()> {
            self.0.fetch(layer, wanted, &mut |index, bytes| {
                let mut all = Vec::new();
                bytes.read_to_end(&mut all)?;
                if layer == 1 && all == b"17" {
                    all[0] ^= 1;
                }
                f(index, &mut all.as_slice())
            })
        }
    }
    if !is_root() {
        return;
    }
    let scratch = scratch();
    let hands = Flipped(foreign());
    let snapshots = Snapshots::open(scratch.path()).expect("opens");
    let error = snapshots.lowers(&hands.0.chain(), &hands).expect_err("damaged");
    assert!(
        matches!(&error, Error::Damaged { layer: 1, path } if path.to_string() == "/home/many/17"),
        "{error}"
    );
    let in_the_making = fs::read_dir(scratch.path().join("tmp")).expect("there");
    assert_eq!(in_the_making.count(), 0);
    assert!(!scratch.path().join(ChainId::of(&ids(&hands.0)[..2]).expect("two").0.hex()).exists());
}

fn ids(hands: &Hands) -> Vec<rbuild::oci::DiffId> {
    hands.chain().iter().map(|layer| layer.diff_id).collect()
}

#[test]
fn a_layer_cannot_write_through_its_own_symbolic_link() {
    if !is_root() {
        return;
    }
    let scratch = scratch();
    let outside = scratch.path().join("outside");
    fs::create_dir(&outside).expect("made");
    let target = outside.to_string_lossy().into_owned().into_bytes();
    let hands =
        Hands(vec![Hand::default().put("a", Kind::Symlink(target), 0o777).file("a/b", "escaped", 0o644)]);
    let snapshots = Snapshots::open(&scratch.path().join("snapshots")).expect("opens");
    assert!(matches!(snapshots.lowers(&hands.chain(), &hands), Err(Error::List { .. })));
    assert_eq!(fs::read_dir(&outside).expect("there").count(), 0);
}

#[test]
fn trees_deeper_than_any_path_are_made_read_and_removed() {
    if !is_root() {
        return;
    }
    let scratch = scratch();
    let mut hand = Hand::default();
    let mut deep = String::new();
    for _ in 0..850 {
        deep.push_str("ddddd/");
        hand = hand.put(&deep, Kind::Directory, 0o755);
    }
    let hands = Hands(vec![hand.file(format!("{deep}file"), "deep", 0o600)]);
    let chain = hands.chain();
    let snapshots = Snapshots::open(scratch.path()).expect("opens");
    let lowers = snapshots.lowers(&chain, &hands).expect("made");
    assert_same(&entries_of(&lowers[0]), &entries_of_stack(&hands.stack()), "deep");
    snapshots.remove(ChainId(chain[0].diff_id.0)).expect("removed");
    assert!(!lowers[0].exists());
}

#[test]
fn no_layers_are_an_empty_directory_of_roots() {
    if !is_root() {
        return;
    }
    let scratch = scratch();
    let snapshots = Snapshots::open(scratch.path()).expect("opens");
    let lowers = snapshots.lowers(&[], &Nothing).expect("made");
    let there = fs::metadata(&lowers[0]).expect("there");
    assert_eq!((there.mode() & 0o7777, there.uid(), there.mtime()), (0o755, 0, LAYER_EPOCH.0));
    assert_eq!(snapshots.lowers(&[], &Nothing).expect("there"), lowers);
}
