//! Layer format 1 is frozen: the digests of one fixed layer, plain and compressed, are in `testdata/layer/`.
//!
//! `RBUILD_BLESS=1` writes them anew. A change of the plain bytes is a new format, and must raise the format that is part
//! of every key; one of a compressed form alone is a new word in `store::form`.

#![allow(clippy::unwrap_used, reason = "what tests are built of may panic as tests do")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use rbuild::layer::{Compression, Compressor};
use rbuild::oci::Digest;

use crate::layer_fixture::{everything, file, numbers, tar};

#[test]
fn the_bytes_of_a_layer_are_those_of_format_1() {
    let mut entries = everything();
    entries.push(file("zzz-many-blocks", &numbers(10_000_000)));
    let (plain, written) = tar(&entries);
    let (small, _) = tar(&everything());
    let mut digests = String::new();
    writeln!(digests, "# diff ID of a fixed layer with one of everything, and its compressed forms").unwrap();
    writeln!(digests, "headers {}", Digest::of(&small)).unwrap();
    writeln!(digests, "diff-id {}", written.diff_id).unwrap();
    for level in [0, 1, 6, 9] {
        writeln!(digests, "gzip-{level} {}", compressed(&plain, Compression::Gzip { level })).unwrap();
    }
    for level in [1, 3, 19] {
        writeln!(digests, "zstd-{level} {}", compressed(&plain, Compression::Zstd { level })).unwrap();
    }
    writeln!(digests, "list {}", Digest::of(&written.list.encode())).unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/layer/format-1");
    if std::env::var_os("RBUILD_BLESS").is_some() {
        std::fs::create_dir_all(golden.parent().unwrap()).unwrap();
        std::fs::write(&golden, &digests).unwrap();
    }
    let want = std::fs::read_to_string(&golden).expect("testdata/layer/format-1; RBUILD_BLESS=1 writes it");
    assert_eq!(digests, want, "the bytes of layers have changed: that is a new format");
}

fn compressed(bytes: &[u8], compression: Compression) -> Digest {
    let mut compressor = Compressor::new(Vec::new(), compression);
    compressor.write_all(bytes).unwrap();
    Digest::of(&compressor.finish().unwrap())
}
