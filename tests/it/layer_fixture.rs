//! A layer with one of everything in it, for the tests that hand it to other programs.

#![allow(clippy::unwrap_used, reason = "what tests are built of may panic as tests do")]

use std::collections::BTreeMap;
use std::io::Read;

use rbuild::layer::{Writer, Written};
use rbuild::oci::{Digest, LAYER_EPOCH};
use rbuild::tree::{Entry, Kind, RootPath, Time};

/// Entries with the content of the files among them. FORMAT: golden digests hang on every byte of it.
pub fn everything() -> Vec<(Entry, Vec<u8>)> {
    let long = "long-name-".repeat(30);
    let mut all = vec![
        entry("dev", Kind::Directory),
        entry("dev/block", Kind::BlockDevice { major: 259, minor: 1_048_575 }),
        entry("dev/null", Kind::CharDevice { major: 1, minor: 3 }),
        entry("dev/pipe", Kind::Fifo),
        entry("etc", Kind::Directory),
        file("etc/before-1970", b"old"),
        file("etc/empty", b""),
        file("etc/hello", b"hello\n"),
        entry("etc/link", Kind::Hardlink(path("etc/hello"))),
        entry("etc/removed", Kind::Whiteout),
        entry("etc/to", Kind::Symlink(b"../dev/null".to_vec())),
        file(&format!("etc/{}", &long[..99]), b"fits in two fields"),
        file(&format!("etc/{}", &long[..200]), &numbers(100_000)),
        entry(&long[..120], Kind::Symlink(long.clone().into_bytes())),
        file("zz-\u{fc}ml\u{e4}ut", b"x"),
    ];
    all[0].0.mode = 0o1755;
    all[5].0.mtime = Time::from_seconds(-5);
    all[6].0.uid = 3_000_000;
    all[7].0.mode = 0o4755;
    all[8].0.mode = 0o4755;
    all[14].0.xattrs = BTreeMap::from([
        (b"security.capability".to_vec(), [1, 0, 0, 2].into_iter().chain([0; 16]).collect()),
        (b"user.b".to_vec(), b"\xff=\n".to_vec()),
    ]);
    all.sort_by(|a, b| a.0.path.cmp(&b.0.path));
    all
}

pub fn path(text: &str) -> RootPath {
    RootPath::clean(text).unwrap()
}

pub fn entry(text: &str, kind: Kind) -> (Entry, Vec<u8>) {
    let mode = match kind {
        Kind::Directory => 0o755,
        Kind::Symlink(_) => 0o777,
        _ => 0o644,
    };
    (Entry { kind, mode, ..Entry::directory(path(text), Time::from_seconds(LAYER_EPOCH.0)) }, vec![])
}

pub fn file(text: &str, content: &[u8]) -> (Entry, Vec<u8>) {
    let kind = Kind::File { size: content.len() as u64, digest: Digest::of(content) };
    (entry(text, kind).0, content.to_vec())
}

/// Bytes that compress somewhat.
pub fn numbers(length: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> =
        (0..length / 2).flat_map(|n| format!("{} ", n * n % 9973).into_bytes()).collect();
    bytes.truncate(length);
    bytes
}

pub fn tar(entries: &[(Entry, Vec<u8>)]) -> (Vec<u8>, Written) {
    let mut writer = Writer::new(Vec::new());
    for (entry, content) in entries {
        let mut content = content.as_slice();
        let is_file = matches!(entry.kind, Kind::File { .. });
        writer.entry(entry, is_file.then_some(&mut content as &mut dyn Read)).unwrap();
    }
    writer.finish().unwrap()
}
