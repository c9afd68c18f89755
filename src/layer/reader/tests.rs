//! Archives from strangers: what is read from them, and what is refused.

use super::*;
use crate::layer::forge::{Forged, archive, directory, file, forged, link, pax};
use crate::oci::Digest;
use crate::tree::Time;

fn try_read(members: &[Forged]) -> Result<Written, Error> {
    read(&mut archive(members).as_slice(), &Limits::default())
}

fn reads(members: &[Forged]) -> Vec<Entry> {
    try_read(members).expect("readable").list.entries.iter().cloned().collect()
}

fn refused(members: &[Forged]) -> String {
    try_read(members).expect_err("must be refused").to_string()
}

/// Path, and a word for what is there.
fn shown(entries: &[Entry]) -> Vec<String> {
    let kind = |kind: &Kind| match kind {
        Kind::File { size, .. } => format!("file {size}"),
        Kind::Symlink(target) => format!("-> {}", String::from_utf8_lossy(target)),
        Kind::Hardlink(target) => format!("= {target}"),
        other => format!("{other:?}").to_lowercase(),
    };
    entries.iter().map(|entry| format!("{} {}", entry.path, kind(&entry.kind))).collect()
}

#[test]
fn names_are_taken_from_the_root_and_sorted() {
    let entries =
        reads(&[file("/b/../b", "").renamed("/b"), file("./a//c", "xyz"), directory("./"), directory("a/")]);
    assert_eq!(shown(&entries), ["/ directory", "/a directory", "/a/c file 3", "/b file 0"]);
}

#[test]
fn names_that_step_up_or_are_nothing_are_refused() {
    for name in ["../x", "a/../../x", "a/..", "..", "/../x"] {
        assert!(refused(&[file(name, "")]).contains(".."), "{name}");
    }
    refused(&[file("", "")]);
    refused(&[pax(&[("path", "a\0b")]), file("x", "")]);
    refused(&[file(&"x".repeat(50), ""), pax(&[("path", &"n".repeat(256))]), file("x", "")]);
    refused(&[pax(&[("path", &"a/".repeat(3000))]), directory("x")]);
}

#[test]
fn the_root_cannot_become_anything_but_a_directory() {
    for member in [link(b'2', ".", "/etc"), link(b'2', "/", "/etc"), file("./.", "x"), forged(b'6', "/")] {
        refused(&[member]);
    }
}

#[test]
fn nothing_is_written_through_a_link_or_below_a_file() {
    let through = [
        vec![link(b'2', "a", "/etc"), file("a/passwd", "x")],
        vec![file("a/passwd", "x"), link(b'2', "a", "/etc")],
        vec![link(b'2', "a", "/etc"), directory("a/b")],
        vec![link(b'2', "a", "/etc"), file("p", ""), link(b'1', "a/l", "p")],
        vec![link(b'2', "a", "/etc"), file("a/.wh.passwd", "")],
        vec![file("a", ""), file("a/b", "x")],
        vec![directory("a"), file("a/b", "x"), file("a", "")],
        vec![forged(b'6', "a"), file("a/.wh.x", "")],
    ];
    for members in through {
        refused(&members);
    }
}

#[test]
fn of_equal_names_the_last_counts_whatever_its_kind() {
    let entries =
        reads(&[file("a", "1"), file("./a", "22"), link(b'2', "b", "x"), directory("b/"), file("b/c", "")]);
    assert_eq!(shown(&entries), ["/a file 2", "/b directory", "/b/c file 0"]);
}

#[test]
fn a_hard_link_is_what_its_target_was_when_it_came() {
    let members = [file("a", "old"), link(b'1', "b", "a"), link(b'1', "c", "/b"), file("a", "newer")];
    let written = try_read(&members).unwrap();
    assert_eq!(
        shown(&written.list.entries.iter().cloned().collect::<Vec<_>>()),
        ["/a file 5", "/b file 3", "/c = /b"]
    );
    assert_eq!(written.list.entries[1].kind, Kind::File { size: 3, digest: Digest::of(b"old") });
    let tar = archive(&members);
    let at = written.list.offsets[1] as usize;
    assert_eq!(&tar[at..at + 3], b"old");
}

#[test]
fn a_hard_link_has_all_that_its_file_has() {
    let linked = Forged { mode: b"0004755".to_vec(), ..link(b'1', "a", "z") };
    let members = [file("z", "x"), linked, link(b'1', "z", "z")];
    let entries = reads(&members);
    assert_eq!(shown(&entries), ["/a = /z", "/z file 1"]);
    assert_eq!(entries[0].mode, 0o644);
}

#[test]
fn a_hard_link_to_a_link_or_a_pipe_is_a_copy_and_one_to_nothing_is_refused() {
    let entries = reads(&[
        link(b'2', "s", "/etc/passwd"),
        link(b'1', "t", "s"),
        forged(b'6', "p"),
        link(b'1', "q", "p"),
    ]);
    assert_eq!(shown(&entries), ["/p fifo", "/q fifo", "/s -> /etc/passwd", "/t -> /etc/passwd"]);
    refused(&[link(b'1', "a", "/etc/passwd")]);
    refused(&[link(b'1', "a", "b"), file("b", "")]);
    refused(&[link(b'1', "a", "../b")]);
    refused(&[link(b'1', "a", "a")]);
    refused(&[directory("d"), link(b'1', "a", "d")]);
    refused(&[file(".wh.gone", ""), link(b'1', "a", "gone")]);
}

#[test]
fn marks_of_removal_are_read_wherever_they_stand() {
    let entries = reads(&[
        directory("d"),
        file("d/new", "n"),
        file("d/.wh..wh..opq", ""),
        file(".wh.gone", ""),
        file("both/x", ""),
        file(".wh.both", ""),
        link(b'1', "old/.wh.aufs", ".wh..wh.aufs"),
        file(".wh..wh.plnk/123.45", "x"),
        file("only/.wh..wh..opq", ""),
        file("file", "1"),
        file(".wh.file", ""),
    ]);
    assert_eq!(
        shown(&entries),
        [
            "/both opaquedirectory",
            "/both/x file 0",
            "/d opaquedirectory",
            "/d/new file 1",
            "/file file 1",
            "/gone whiteout",
            "/old/aufs whiteout",
            "/only opaquedirectory",
        ]
    );
    for name in [".wh.", ".wh..", ".wh...", "a/.wh.x/y", ".wh.a/.wh..wh.b/../c"] {
        refused(&[file(name, "")]);
    }
}

#[test]
fn extended_headers_count_for_the_next_member_alone() {
    let long = "n/".repeat(120) + "end";
    let records = [("path", long.as_str()), ("size", "3"), ("uid", "3000000"), ("mtime", "-1.5")];
    let tampered = Forged { size: Some(b"00000000777".to_vec()), ..file("short", "abc") };
    let entries = reads(&[pax(&records), tampered, file("next", "")]);
    assert_eq!(shown(&entries), [format!("/{long} file 3"), "/next file 0".to_string()]);
    assert_eq!(
        (entries[0].uid, entries[0].mtime),
        (3_000_000, Time { seconds: -2, nanoseconds: 500_000_000 })
    );
    assert_eq!((entries[1].uid, entries[1].mtime), (0, Time::from_seconds(1)));
}

/// RUSTSEC-2026-0068 and its like: a size that counts for one reader and not for another hides members.
#[test]
fn a_size_in_an_extended_header_never_moves_another_header() {
    let mut hidden = Vec::new();
    file("hidden", "x").write(&mut hidden);
    let long = Forged { content: b"real-name\0".to_vec(), ..forged(b'L', "././@LongLink") };
    let carrier = Forged { content: hidden, ..forged(b'0', "carrier") };
    let entries = reads(&[pax(&[("size", "1024")]), long, carrier, file("z", "")]);
    assert_eq!(shown(&entries), ["/real-name file 1024", "/z file 0"]);
    refused(&[pax(&[("size", "512")]), directory("d")]);
    refused(&[pax(&[("size", "-1")]), file("a", "")]);
    refused(&[pax(&[("path", "a")]), pax(&[("path", "b")]), file("c", "")]);
    refused(&[pax(&[("size", "18446744073709551615")]), file("a", "")]);
    refused(&[Forged { flag: b'g', ..pax(&[("path", "a")]) }, file("c", "")]);
    refused(&[pax(&[("path", "a")])]);
    assert_eq!(
        shown(&reads(&[Forged { flag: b'g', ..pax(&[("comment", "a")]) }, file("c", "")])),
        ["/c file 0"]
    );
}

#[test]
fn gnu_long_names_and_links_are_read() {
    let (name, target) = ("d/".repeat(150) + "f", "t/".repeat(150));
    let long =
        |flag, text: &str| Forged { content: format!("{text}\0").into(), ..forged(flag, "././@LongLink") };
    let magic = b"ustar  \0".to_vec();
    let short = Forged { magic, ..link(b'2', "d/d", "t/t") };
    let entries = reads(&[long(b'K', &target), long(b'L', &name), short]);
    assert_eq!(shown(&entries), [format!("/{name} -> {target}")]);
    refused(&[long(b'L', "a"), long(b'L', "b"), file("c", "")]);
    refused(&[long(b'L', "a")]);
}

#[test]
fn sparse_files_of_each_form_are_refused_by_name() {
    let old = refused(&[Forged { magic: b"ustar  \0".to_vec(), ..forged(b'S', "holes") }]);
    assert!(old.contains("holes: sparse"), "{old}");
    let new = refused(&[
        pax(&[("GNU.sparse.major", "1"), ("GNU.sparse.name", "x")]),
        file("GNUSparseFile.0/x", ""),
    ]);
    assert!(new.contains("sparse"), "{new}");
}

#[test]
fn members_that_two_readers_could_see_differently_are_refused() {
    refused(&[Forged { content: vec![0; 512], ..directory("d") }]);
    refused(&[Forged { content: vec![0; 512], ..link(b'2', "l", "x") }]);
    refused(&[Forged { content: vec![0; 512], ..link(b'1', "l", "x") }]);
    refused(&[file("slash/", "x")]);
    refused(&[link(b'2', "l", "")]);
    refused(&[forged(b'M', "continued")]);
    refused(&[forged(b'D', "dump")]);
    refused(&[forged(b'9', "unknown")]);
    let old = Forged { magic: vec![], ..forged(0, "old/") };
    assert_eq!(shown(&reads(&[old])), ["/old directory"]);
}

#[test]
fn numbers_beyond_octal_are_read_and_impossible_ones_refused() {
    let base_256 = |n: u64, width: usize| {
        let mut bytes = vec![0; width - 8];
        bytes.extend(n.to_be_bytes());
        bytes[0] |= 0x80;
        bytes
    };
    let entries = reads(&[Forged { uid: base_256(3_000_000, 8).split_off(0), ..file("a", "") }]);
    assert_eq!(entries[0].uid, 3_000_000);
    let past = reads(&[Forged { mtime: vec![0xff; 12], ..file("a", "") }]);
    assert_eq!(past[0].mtime, Time::from_seconds(-1));
    refused(&[Forged { size: Some(vec![0xff; 12]), ..file("a", "") }]);
    refused(&[Forged { size: Some(base_256(1 << 62, 12)), ..file("a", "") }]);
    refused(&[Forged { uid: vec![0xff; 8], ..file("a", "") }]);
    refused(&[pax(&[("uid", "4294967295")]), file("a", "")]);
    refused(&[pax(&[("uid", "4294967296")]), file("a", "")]);
}

#[test]
fn attributes_of_any_name_are_kept_as_data() {
    let entries = reads(&[
        pax(&[("SCHILY.xattr.user.a", "=\n"), ("SCHILY.xattr.trusted.overlay.opaque", "y")]),
        file("a", ""),
    ]);
    assert_eq!(
        entries[0].xattrs.keys().map(|k| k.as_slice()).collect::<Vec<_>>(),
        [&b"trusted.overlay.opaque"[..], b"user.a"]
    );
    assert_eq!(entries[0].xattrs[b"user.a".as_slice()], b"=\n");
}

#[test]
fn an_archive_that_is_cut_off_is_an_error_but_for_its_end() {
    let tar = archive(&[file("a", "content"), file("b", "")]);
    let last = tar.len() - 2 * 512;
    // umoci ends with the last byte of the last file: 519 is the first file whole, and nothing after it.
    for length in (0..last).filter(|length| ![0, 519, 1024].contains(length)) {
        assert!(read(&mut &tar[..length], &Limits::default()).is_err(), "{length}");
    }
    for (length, files) in [(519, 1), (last, 2), (last + 512, 2), (tar.len(), 2)] {
        assert_eq!(read(&mut &tar[..length], &Limits::default()).unwrap().list.entries.len(), files);
    }
}

#[test]
fn what_stands_after_the_end_is_hashed_and_nothing_more() {
    let mut tar = archive(&[file("a", "content")]);
    let clean = read(&mut tar.as_slice(), &Limits::default()).unwrap();
    assert_eq!((clean.diff_id.0, clean.size), (Digest::of(&tar), tar.len() as u64));
    file("hidden", "x").write(&mut tar);
    tar.extend(b"garbage");
    let dirty = read(&mut tar.as_slice(), &Limits::default()).unwrap();
    assert_eq!(dirty.list, clean.list);
    assert_eq!((dirty.diff_id.0, dirty.size), (Digest::of(&tar), tar.len() as u64));
    let inside = [archive(&[])[..512].to_vec(), archive(&[file("hidden", "x")])].concat();
    assert!(read(&mut inside.as_slice(), &Limits::default()).is_err());
}

#[test]
fn a_flipped_bit_in_a_header_is_noticed() {
    let tar = archive(&[file("a", "")]);
    for at in 0..512 {
        let mut tar = tar.clone();
        tar[at] ^= 0x04;
        assert!(read(&mut tar.as_slice(), &Limits::default()).is_err(), "{at}");
    }
}

#[test]
fn limits_stop_an_archive_that_never_ends() {
    let with = |limits: Limits, members: &[Forged]| {
        read(&mut archive(members).as_slice(), &limits).unwrap_err().to_string()
    };
    let many: Vec<Forged> = (0..20).map(|n| directory(&format!("d{n}"))).collect();
    assert!(with(Limits { entries: 10, ..Limits::default() }, &many).contains("10 members"));
    assert!(with(Limits { names: 20, ..Limits::default() }, &many).contains("20 bytes of names"));
    assert!(with(Limits { size: 4096, ..Limits::default() }, &many).contains("4096 bytes"));
    let long = pax(&[("comment", &"x".repeat(2000))]);
    assert!(with(Limits { pax: 1000, ..Limits::default() }, &[long, file("a", "")]).contains("1000 bytes"));
    let huge = Forged { size: Some(b"77777777777".to_vec()), ..file("a", "") };
    assert!(with(Limits { size: 1 << 20, ..Limits::default() }, &[huge]).contains("1048576 bytes"));
}

impl Forged {
    fn renamed(mut self, name: &str) -> Forged {
        self.name = name.into();
        self
    }
}
