//! Layers that are unpacked as they come: the same directories as from the blob, or none at all.

use std::io::{self, Read};

use rbuild::layer::{LayerList, Limits, read, read_with};
use rbuild::snapshot::{ChainLayer, Fetch, Snapshots, Unpacking};
use tar::{Builder, EntryType, Header};

use crate::snapshot_fixture::{assert_same, entries_of, scratch, skip};

/// A tar in any order, as others write them.
struct Tar(Builder<Vec<u8>>);

impl Default for Tar {
    fn default() -> Tar {
        Tar(Builder::new(Vec::new()))
    }
}

impl Tar {
    fn header(kind: EntryType, mode: u32, size: usize) -> Header {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(size as u64);
        header.set_mtime(1_000_000);
        header.set_uid(3);
        header.set_gid(4);
        header
    }

    fn file(mut self, name: &str, bytes: &[u8]) -> Tar {
        let mut header = Tar::header(EntryType::Regular, 0o4640, bytes.len());
        self.0.append_data(&mut header, name, bytes).expect("a file");
        self
    }

    fn other(mut self, kind: EntryType, name: &str, target: &str) -> Tar {
        let mut header = Tar::header(kind, 0o755, 0);
        match target {
            "" => self.0.append_data(&mut header, name, io::empty()).expect("a member"),
            target => self.0.append_link(&mut header, name, target).expect("a link"),
        }
        self
    }

    fn bytes(self) -> Vec<u8> {
        self.0.into_inner().expect("it ends")
    }
}

/// Bytes of a tar by offset, unless nobody may ask for them.
struct Bytes<'a> {
    tar: &'a [u8],
    list: &'a LayerList,
    may_ask: bool,
}

impl Fetch for Bytes<'_> {
    fn fetch(
        &self,
        _: usize,
        wanted: &[usize],
        f: &mut dyn FnMut(usize, &mut dyn Read) -> io::Result<()>,
    ) -> io::Result<()> {
        assert!(self.may_ask, "the files were there already");
        rbuild::layer::visit(&mut &*self.tar, self.list, wanted, f).map_err(io::Error::other)
    }
}

fn unpack(snapshots: &Snapshots, tar: &[u8]) -> (ChainLayer, Unpacking) {
    let mut unpacking = snapshots.unpacking().expect("a directory can be made");
    let written = read_with(&mut &*tar, &Limits::default(), &mut unpacking).expect("it can be read");
    (ChainLayer { diff_id: written.diff_id, list: written.list }, unpacking)
}

fn can_give_files_away() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        skip("files of other owners need root, here or in a user namespace");
    }
    is_root
}

/// What an archive may hold without members that replace one another.
fn regular() -> Tar {
    let mut tar = Tar::default()
        .other(EntryType::Directory, "etc/", "")
        .file("etc/small", b"small")
        .file("etc/empty", b"")
        .file("without/parents/in/the/archive", b"deep")
        .file("etc/large", &vec![7; 700_000])
        .other(EntryType::Link, "etc/zlarge", "etc/large")
        .other(EntryType::Link, "etc/alarge", "etc/large")
        .other(EntryType::Symlink, "link", "/etc")
        .other(EntryType::Fifo, "pipe", "")
        .file("removed/.wh.it", b"");
    for number in 0..300 {
        tar = tar.file(&format!("many/{number}"), format!("{number}").repeat(2_000).as_bytes());
    }
    // A directory's own member may come after what is in it.
    tar.other(EntryType::Directory, "many/", "")
}

#[test]
fn a_layer_unpacked_as_it_came_is_the_layer_made_from_its_blob() {
    if !can_give_files_away() {
        return;
    }
    let (scratch, tar) = (scratch(), regular().bytes());
    let [one, other] =
        ["one", "other"].map(|name| Snapshots::open(&scratch.path().join(name)).expect("opens"));
    let (layer, unpacking) = unpack(&one, &tar);
    one.unpacked(layer.diff_id, &layer.list, unpacking);
    let chain = [layer.clone()];
    let as_it_came =
        one.lowers(&chain, &Bytes { tar: &tar, list: &layer.list, may_ask: false }).expect("made");
    let from_blob =
        other.lowers(&chain, &Bytes { tar: &tar, list: &layer.list, may_ask: true }).expect("made");
    assert_same(&entries_of(&as_it_came[0]), &entries_of(&from_blob[0]), "as it came, from the blob");
    assert!(entries_of(&as_it_came[0]).len() > 310);
}

#[test]
fn members_that_replace_one_another_are_left_to_the_blob() {
    if !can_give_files_away() {
        return;
    }
    let odd: [(&str, Tar); 6] = [
        ("a file twice", Tar::default().file("a", b"first").file("a", b"second")),
        ("a file, then a link", Tar::default().file("a", b"1").other(EntryType::Symlink, "a", "b")),
        (
            "a file whose other name stays",
            Tar::default().file("a", b"1").other(EntryType::Link, "b", "a").other(
                EntryType::Symlink,
                "a",
                "b",
            ),
        ),
        ("a directory, then a file", Tar::default().other(EntryType::Directory, "a/", "").file("a", b"1")),
        ("a link, then a file", Tar::default().other(EntryType::Symlink, "a", "/etc").file("a", b"1")),
        ("large, then small", Tar::default().file("a", &[1; 400_000]).file("a", b"1")),
    ];
    for (what, tar) in odd {
        let (scratch, tar) = (scratch(), tar.bytes());
        let snapshots = Snapshots::open(scratch.path()).expect("opens");
        let (layer, unpacking) = unpack(&snapshots, &tar);
        snapshots.unpacked(layer.diff_id, &layer.list, unpacking);
        let bytes = Bytes { tar: &tar, list: &layer.list, may_ask: true };
        let lowers = snapshots.lowers(std::slice::from_ref(&layer), &bytes).expect("made");
        let there: Vec<_> = entries_of(&lowers[0]).into_iter().skip(1).collect();
        let said: Vec<_> = layer.list.entries.iter().filter(|e| !e.path.is_root()).cloned().collect();
        assert_same(&there, &said, what);
    }
}

#[test]
fn what_was_unpacked_for_nothing_leaves_nothing() {
    let (scratch, tar) = (scratch(), regular().bytes());
    let snapshots = Snapshots::open(scratch.path()).expect("opens");
    let (layer, unpacking) = unpack(&snapshots, &tar);
    let other = read(&mut &*Tar::default().file("a", b"1").bytes(), &Limits::default());
    // Not this layer's list.
    snapshots.unpacked(layer.diff_id, &other.expect("it can be read").list, unpacking);
    let (layer, unpacking) = unpack(&snapshots, &tar);
    snapshots.unpacked(layer.diff_id, &layer.list, unpacking);
    drop(snapshots);
    let names = |directory: &std::path::Path| {
        let entries = std::fs::read_dir(directory).expect("there");
        entries.map(|entry| entry.expect("an entry").file_name()).collect::<Vec<_>>()
    };
    assert_eq!(names(scratch.path()), ["tmp"]);
    assert!(names(&scratch.path().join("tmp")).is_empty());
}
