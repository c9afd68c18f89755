//! Each rule with a fixture, the order among rules, and bytes of all kinds.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::known::forge::{self, First};
use super::super::rules;
use super::*;
use fixtures::{Fixture, fixtures};

mod fixtures;

fn found(path: &str, first: Option<&[u8]>, second: Option<&[u8]>) -> Option<Cause> {
    let path = RootPath::clean(path).unwrap();
    let left = match (first, second) {
        (Some(first), Some(second)) => Left::Both(both(first, second)),
        (Some(_), None) => Left::OnlyFirst,
        (None, _) => Left::OnlySecond,
    };
    cause(&Sample { path: &path, left })
}

/// Two whole files.
fn both<'a>(first: &'a [u8], second: &'a [u8]) -> Bytes<'a> {
    Bytes { first, second, whole: true, offset: 0, around: (b"", b"") }
}

#[test]
fn each_fixture_is_told_by_its_rule_with_its_class_and_what_matters() {
    for Fixture { path, first, second, rule, class, mentions } in fixtures() {
        let cause =
            found(path, first.as_deref(), second.as_deref()).unwrap_or_else(|| panic!("{path}: {rule}"));
        assert_eq!((cause.rule, cause.class), (rule, class), "{path}: {}", cause.what);
        for words in mentions {
            assert!(cause.what.contains(words), "{path}: {} does not mention {words}", cause.what);
        }
        assert!(!cause.fix.is_empty());
    }
}

#[test]
fn every_rule_has_a_fixture() {
    let shown: BTreeSet<&str> = fixtures().iter().map(|fixture| fixture.rule).collect();
    let all: BTreeSet<&str> = rules::all().map(|rule| rule.id).collect();
    assert_eq!(shown, all);
}

#[test]
fn ordinary_files_that_differ_have_no_known_cause() {
    for (first, second) in [
        (&b"\0\x01\x02\x03"[..], &b"\0\x01\x02\x04"[..]),
        (b"\xff\xfeabcdefgh", b"\xff\xfeabcdefgi"),
        (b"\0", b"\0\0"),
        (b"\xca\xfe\xba\xbe\0\0\0\x41", b"\xca\xfe\xba\xbe\0\0\0\x42"),
        (b"\0version 7, 12 things", b"\0version 8, 12 things"),
        (b"same", b"same"),
    ] {
        assert_eq!(found("srv/x", Some(first), Some(second)), None, "{first:?} {second:?}");
    }
    assert_eq!(found("srv/x", None, Some(b"x")), None);
    assert_eq!(found("srv/x", Some(b"x"), None), None);
}

#[test]
fn secrets_are_never_quoted() {
    for path in [
        "etc/shadow",
        "etc/gshadow-",
        "etc/ssh/ssh_host_rsa_key",
        "etc/ssl/private/x",
        "srv/id.pem",
        "var/cache/debconf/passwords.dat",
    ] {
        let file = |word: &str| format!("-----BEGIN PRIVATE KEY-----\nroot:{word}:{word}\n");
        let cause =
            found(path, Some(file("c2VjcmV0").as_bytes()), Some(file("aGlkZGVu").as_bytes())).unwrap();
        assert!(!cause.what.contains("c2VjcmV0") && !cause.what.contains("aGlkZGVu"), "{}", cause.what);
    }
}

#[test]
fn a_path_that_is_probably_enough_waits_for_the_bytes() {
    let program = |text: &[u8]| forge::elf(true, First::Low, &[(".rodata", text)]);
    let at = |first: &[u8], second: &[u8]| {
        found("srv/target/release/x", Some(&program(first)), Some(&program(second))).unwrap().rule
    };
    assert_eq!(at(b"built Jan  2 2026", b"built Jan  3 2026"), "elf-time");
    assert_eq!(at(b"\x01", b"\x02"), "cargo-target");
}

#[test]
fn of_a_long_file_the_place_of_the_difference_is_looked_at() {
    let path = RootPath::clean("srv/x").unwrap();
    let (first, second) = (b"\0at 2026-01-02 03:04:05\0", b"\0at 2026-01-02 03:04:06\0");
    let start = &[0; 64][..];
    let bytes = Bytes { whole: false, offset: 5_000_022, around: (first, second), ..both(start, start) };
    let cause = cause(&Sample { path: &path, left: Left::Both(bytes) }).unwrap();
    assert_eq!(cause.rule, "text-time");
    assert!(cause.what.contains("at byte 5000028, `at 2026-01-02 03:04:05`"), "{}", cause.what);
}

#[test]
fn a_class_is_one_word() {
    for rule in rules::all() {
        assert!(rule.class.to_string().bytes().all(|byte| byte.is_ascii_lowercase()));
    }
}

/// A file of a known format, and the same with some bytes changed, put in or taken away.
fn spoilt() -> impl Strategy<Value = (&'static str, Vec<u8>, Vec<u8>)> {
    let fixtures = fixtures();
    let count = fixtures.len();
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0_u8..4);
    let files: Vec<_> = fixtures.into_iter().map(|one| (one.path, one.first.unwrap_or_default())).collect();
    (0..count, prop::collection::vec(change, 0..12), any::<bool>()).prop_map(
        move |(number, changes, both)| {
            let (path, good) = files[number].clone();
            let mut bad = good.clone();
            for (index, byte, kind) in changes {
                let at = index.index(bad.len() + 1);
                match kind {
                    0 if at < bad.len() => bad[at] = byte,
                    1 => bad.insert(at, byte),
                    2 if at < bad.len() => drop(bad.remove(at)),
                    3 if byte < 32 => bad.truncate(at),
                    _ => {}
                }
            }
            let other = if both { bad.iter().rev().copied().chain(bad.clone()).collect() } else { bad };
            if both { (path, other.clone(), good) } else { (path, good, other) }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn any_bytes_are_looked_at_without_harm(
        first in prop::collection::vec(any::<u8>(), 0..200),
        second in prop::collection::vec(any::<u8>(), 0..200),
        whole in any::<bool>(),
        offset in any::<u64>(),
        kind in prop::sample::select(vec!["x.pyc", "etc/shadow", "var/lib/dpkg/status", "lib/apk/db/installed", "etc/apk/world", "x"]),
    ) {
        let path = RootPath::clean(kind).unwrap();
        let around = (&first[..], &second[..]);
        for magic in [&b""[..], b"\x7fELF\x02\x01", b"\x7fELF\x01\x02", b"PK\x03\x04", b"!<arch>\n", b"\x1f\x8b\x08\x0c", b"SQLite format 3\0", b"\x89PNG\r\n\x1a\n", b"\xa7\x0d\r\n"] {
            let (first, second) = ([magic, &first].concat(), [magic, &second].concat());
            let bytes = Bytes { whole, offset, around, ..both(&first, &second) };
            cause(&Sample { path: &path, left: Left::Both(bytes) });
            // What differs is behind what is here.
            let bytes = Bytes { whole, offset, around, ..both(&first, &first) };
            cause(&Sample { path: &path, left: Left::Both(bytes) });
        }
    }

    #[test]
    fn spoilt_files_of_every_format_are_looked_at_without_harm((path, first, second) in spoilt(), whole in any::<bool>()) {
        let path = RootPath::clean(path).unwrap();
        let left = Left::Both(Bytes { whole, ..both(&first, &second) });
        let cause = cause(&Sample { path: &path, left });
        prop_assert!(cause.is_none_or(|cause| rules::named(cause.rule).is_some()));
    }

    #[test]
    fn any_text_is_looked_at_without_harm(first in "[ -~éü€\n]{0,80}", second in "\\PC{0,80}") {
        found("srv/x", Some(first.as_bytes()), Some(second.as_bytes()));
    }
}
