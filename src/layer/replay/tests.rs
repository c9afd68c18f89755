//! What archives come to when they are unpacked, and that nothing gets out of them.

use proptest::prelude::*;

use super::{Found, one_by_one, replay};
use crate::layer::forge::{Forged, archive, directory, file, forged, link};
use crate::layer::settle::settle;
use crate::layer::{Error, Limits, Purpose, Written, read, read_for};
use crate::oci::Digest;
use crate::tree::{Entry, Kind, RootPath, Time};

fn unpack(members: &[Forged]) -> Result<Written, Error> {
    read_for(Purpose::Unpack, &mut archive(members).as_slice(), &Limits::default())
}

/// Path, and a word for what is there.
fn unpacked(members: &[Forged]) -> String {
    let list = match unpack(members) {
        Ok(written) => written.list,
        Err(error) => return format!("{error}"),
    };
    let word = |kind: &Kind| match kind {
        Kind::Directory => "/".to_string(),
        Kind::OpaqueDirectory => "//".to_string(),
        Kind::File { size, .. } => format!("={size}"),
        Kind::Symlink(target) => format!("->{}", String::from_utf8_lossy(target)),
        Kind::Hardlink(target) => format!("=={target}"),
        other => format!("{other:?}"),
    };
    let shown: Vec<String> =
        list.entries.iter().map(|entry| format!("{}{}", entry.path, word(&entry.kind))).collect();
    shown.join(" ")
}

fn to(name: &str, target: &str) -> Forged {
    link(b'2', name, target)
}

fn hard(name: &str, target: &str) -> Forged {
    link(b'1', name, target)
}

#[test]
fn names_go_through_the_links_that_stand_there_by_then() {
    let real = || directory("real");
    for (members, want) in [
        (vec![to("l", "real"), real(), file("l/x", "1")], "/l->real /real/ /real/x=1"),
        (vec![to("l", "/real"), real(), file("l/x", "1")], "/l->/real /real/ /real/x=1"),
        (vec![to("l", "../../real"), real(), file("l/a/b", "1")], "/l->../../real /real/ /real/a/b=1"),
        // A directory that only the names of others tell of.
        (
            vec![to("lib", "usr/lib"), file("usr/lib/a", ""), file("lib/b", "1")],
            "/lib->usr/lib /usr/lib/a=0 /usr/lib/b=1",
        ),
        (vec![to("l", "m"), to("m", "d/.."), directory("d"), file("l/x", "1")], "/d/ /l->m /m->d/.. /x=1"),
        // The last of equal names counts, whatever it is called.
        (vec![to("l", "real"), file("real/x", "1"), file("l/x", "22")], "/l->real /real/x=2"),
        (
            vec![to("l", "real"), file("real/x", "1"), hard("l/y", "l/x")],
            "/l->real /real/x=1 /real/y==/real/x",
        ),
        // A link that is a directory by then, or was one before.
        (vec![to("l", "real"), real(), directory("l"), file("l/x", "1")], "/l// /l/x=1 /real/"),
        (vec![file("l/x", "1"), real(), to("l", "real"), file("l/y", "1")], "/l->real /real/ /real/y=1"),
    ] {
        assert_eq!(unpacked(&members), want);
    }
}

#[test]
fn links_that_lead_to_nothing_of_the_archive_lead_nowhere() {
    for members in [
        vec![to("l", "/etc"), file("l/passwd", "x")],
        vec![to("l", "../../../etc"), file("l/passwd", "x")],
        vec![to("l", "none/deep"), file("l/x", "x")],
        vec![to("l", "none"), directory("l/d")],
        vec![to("l", "l"), file("l/x", "")],
        vec![to("l", "m"), to("m", "l"), file("l/x", "")],
        vec![to("l", "f"), file("f", ""), file("l/x", "")],
        // Later than what would go through it.
        vec![to("l", "real"), file("l/x", ""), directory("real")],
        vec![file("a", ""), file("a/b", "x")],
        vec![forged(b'6', "a"), file("a/b", "")],
    ] {
        let said = unpacked(&members);
        assert!(said.contains("lead") || said.contains("lie below it"), "{said}");
        assert!(read(&mut archive(&members).as_slice(), &Limits::default()).is_err());
    }
}

#[test]
fn what_is_no_directory_replaces_a_directory_with_all_that_it_holds() {
    for (members, want) in [
        (vec![directory("f"), file("f/x", "1"), file("f", "22")], "/f=2"),
        (vec![file("f/d/x", "1"), file("f", "22")], "/f=2"),
        (vec![file("f/x", "1"), file("f", ""), directory("f"), file("f/y", "1")], "/f// /f/y=1"),
        (vec![file("f/x", "1"), file("f", ""), directory("f"), file("f/x", "333")], "/f// /f/x=3"),
        (vec![file("f/x", "1"), file("f-x", "1"), to("f", "z")], "/f->z /f-x=1"),
        // A hard link keeps what is gone under its first name, and leads to nothing that is gone already.
        (vec![file("f/x", "333"), hard("kept", "f/x"), file("f", "")], "/f=0 /kept=3"),
        (
            vec![file("f/x", "333"), file("f", ""), hard("kept", "f/x")],
            "f/x: it is no directory, but other members lie below it",
        ),
        (
            vec![file("f/x", "333"), hard("f", "f/x")],
            "f: a hard link to a file that is not before it in the archive",
        ),
        (
            vec![file("f/x", "333"), file("f", ""), directory("f"), hard("kept", "f/x")],
            "kept: a hard link to a file that is not before it in the archive",
        ),
    ] {
        let got = unpacked(&members);
        assert!(
            got == want || want.contains(": ") && got.contains(want.split_once(": ").unwrap().1),
            "{got} not {want}"
        );
    }
    let members = [file("f/x", "333"), hard("kept", "f/x"), file("f", "")];
    let list = unpack(&members).unwrap().list;
    let at = list.offsets[1] as usize;
    assert_eq!(&archive(&members)[at..at + 3], b"333");
}

#[test]
fn names_are_cleaned_and_never_lead_out() {
    for (name, want) in [
        ("a/../b", "/b=1"),
        ("../esc", "/esc=1"),
        ("../../x/../y", "/y=1"),
        ("/../z", "/z=1"),
        ("f/", "/f=1"),
        // What is called `.`, however that is written, is nothing.
        ("", ""),
        (".", ""),
        ("./", ""),
        ("a/..", ""),
    ] {
        assert_eq!(unpacked(&[file(name, "1")]), want, "{name:?}");
        let strict = read(&mut archive(&[file(name, "1")]).as_slice(), &Limits::default());
        assert!(strict.is_err(), "{name:?} in a layer");
    }
    assert_eq!(unpacked(&[to("up", "x"), file("x", "1"), hard("up/../y", "../x")]), "/up->x /x=1 /y==/x");
    for name in ["/", "..", "a/../..", "/a/.."] {
        assert_eq!(unpacked(&[directory("./"), directory(name), directory(".")]), "//");
        assert!(unpacked(&[file(name, "1")]).contains("not a directory"));
        assert!(unpacked(&[to(name, "x")]).contains("not a directory"));
    }
    assert_eq!(unpacked(&[directory("./"), directory("a/..")]), "");
}

#[test]
fn without_tricks_it_is_what_a_layer_of_the_same_bytes_is() {
    let members = [
        directory("d"),
        file("d/a", "1"),
        hard("d/b", "d/a"),
        file("d/a", "22"),
        to("l", "d"),
        forged(b'6', "p"),
        hard("q", "p"),
        hard("d/b", "d/b"),
        file("e/.wh..wh.aufs", ""),
    ];
    let strict = read(&mut archive(&members).as_slice(), &Limits::default()).unwrap();
    assert_eq!(unpack(&members).unwrap(), strict);
    for mark in [".wh.x", "d/.wh..wh..opq", "d/.wh.a"] {
        assert!(
            unpacked(&[directory("d"), file(mark, "")]).contains("cannot be stored in a layer"),
            "{mark}"
        );
    }
}

prop_compose! {
    fn any_member()(
        path in "[ab](/[ab]){0,2}",
        kind in 0..5,
        target in "(/|\\.\\./)?[ab](/[ab])?",
    ) -> Found {
        let kind = match kind {
            0 => Kind::Symlink(target.into_bytes()),
            1 => Kind::Hardlink(RootPath::clean(target).unwrap()),
            2 | 3 => Kind::Directory,
            _ => Kind::File { size: 0, digest: Digest::of(path.as_bytes()) },
        };
        let entry = Entry { kind, ..Entry::directory(RootPath::clean(path).unwrap(), Time::default()) };
        Found { entry, offset: 0, opaque: false, replaced: false, fresh: false }
    }
}

proptest! {
    #[test]
    fn the_short_way_comes_to_what_the_long_one_does(members in prop::collection::vec(any_member(), 0..7)) {
        let (mut short, mut long) = (members.clone(), members);
        let come = |found: Vec<Found>, done: Result<(), Error>| done.and_then(|()| settle(found)).ok();
        let (done_short, done_long) = (replay(&mut short), one_by_one(&mut long));
        let (short, long) = (come(short, done_short), come(long, done_long));
        prop_assert_eq!(&short, &long);
        // Whatever came in, nothing lies below what is no directory, and links name what is before them.
        if let Some(list) = long {
            let entries: Vec<&Entry> = list.entries.iter().collect();
            for (at, entry) in entries.iter().enumerate() {
                let below = entries.get(at + 1).is_some_and(|next| next.path.is_below(&entry.path));
                prop_assert!(entry.is_directory() || !below);
                if let Kind::Hardlink(target) = &entry.kind {
                    let file = list.entries.search(target).map(|at| &list.entries[at].kind);
                    let is_file = matches!(file, Ok(Kind::File { .. }));
                    prop_assert!(is_file);
                }
            }
        }
    }
}
