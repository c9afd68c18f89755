//! ADD: archives are unpacked, everything else is copied, and what is remote is refused.

use std::io::Write;
use std::process::Command;

use super::Workshop;
use super::workshop::{entry, finish, tools};

fn tar() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    entry(&mut tar, "d/", tar::EntryType::Directory, 0o750, b"", "");
    entry(&mut tar, "d/f", tar::EntryType::Regular, 0o640, b"in the archive", "");
    entry(&mut tar, "d/l", tar::EntryType::Symlink, 0o777, b"", "f");
    entry(&mut tar, "d/h", tar::EntryType::Link, 0o640, b"", "d/f");
    tar.into_inner().expect("in memory")
}

#[test]
fn archives_of_every_compression_are_unpacked() {
    let Some(shop) = Workshop::new() else { return };
    let tar = tar();
    shop.write("plain.tar", &tar);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&tar).expect("in memory");
    shop.write("a.tar.gz", gzip.finish().expect("in memory"));
    let mut bzip = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip.write_all(&tar).expect("in memory");
    shop.write("a.tar.bz2", bzip.finish().expect("in memory"));
    shop.write("a.tar.zst", zstd::encode_all(&tar[..], 1).expect("in memory"));
    if !tools(&["xz"]) {
        return;
    }
    let mut xz = Command::new("xz");
    xz.arg("--stdout");
    // Its name does not matter.
    shop.write("misnamed", finish(xz, &tar).ok().stdout);
    let image = shop.image(
        "FROM scratch\nADD plain.tar /plain\nADD a.tar.gz /gz/\nADD a.tar.bz2 /bz/\nADD a.tar.zst /zst\nADD misnamed /xz\nADD --chown=5:6 plain.tar /own/\n",
        &[],
    );
    for place in ["plain", "gz", "bz", "zst", "xz"] {
        assert_eq!(image.below(place), ["d", "d/f", "d/h", "d/l"], "{place}");
        assert_eq!(image.text(&format!("{place}/d/f")), "in the archive");
        assert_eq!(image.who(&format!("{place}/d/f")), "0640 0:0");
        assert_eq!(image.who(&format!("{place}/d")), "0750 0:0");
        assert_eq!(image.at(&format!("{place}/d/l")).link, "f");
    }
    assert_eq!(image.who("own/d/f"), "0640 5:6");
}

#[test]
fn add_copies_what_is_no_archive_and_copy_never_unpacks() {
    let Some(shop) = Workshop::new() else { return };
    let tar = tar();
    shop.write("plain.tar", &tar);
    shop.write("broken.tar.gz", "this is no archive");
    shop.write("note", "text");
    shop.write("dir/x.tar", &tar);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"compressed, but no tar").expect("in memory");
    shop.write("only.gz", gzip.finish().expect("in memory"));
    let image = shop.image(
        "FROM scratch\nADD note /note\nADD broken.tar.gz /b/\nADD dir /d/\nADD only.gz /g/\nCOPY plain.tar /p/\nADD --unpack=false plain.tar /k/\nADD *.tar /w/\n",
        &[],
    );
    assert_eq!(image.text("note"), "text");
    assert_eq!(image.below("b"), ["broken.tar.gz"]);
    assert_eq!(image.below("d"), ["x.tar"]);
    assert_eq!(image.below("g"), ["only.gz"]);
    assert_eq!(image.below("p"), ["plain.tar"]);
    assert_eq!(image.below("k"), ["plain.tar"]);
    assert_eq!(image.below("w"), ["d", "d/f", "d/h", "d/l"]);
}

#[test]
fn an_archive_cannot_write_outside_its_destination() {
    let Some(shop) = Workshop::new() else { return };
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.as_mut_bytes()[..13].copy_from_slice(b"../../escaped");
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(1);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    tar.append(&header, &b"x"[..]).expect("in memory");
    shop.write("evil.tar", tar.into_inner().expect("in memory"));
    let said = shop.build("FROM busybox\nADD evil.tar /a/b/c/\nRUN ! test -e /a/escaped\n", &[]);
    assert!(said.code == Some(0) || said.stderr.contains("escaped"), "{}", said.stderr);
    assert!(!shop.at("escaped").exists());
}

#[test]
fn urls_and_repositories_are_for_add_and_checksums_for_them() {
    let Some(shop) = Workshop::new() else { return };
    shop.build("FROM scratch\nCOPY https://example.com/x /\n", &[]).fails(&["URL", "COPY", "Dockerfile:2"]);
    shop.build("FROM scratch\nADD --checksum=sha256:00 note /\n", &[]).fails(&["checksum"]);
    shop.build("FROM scratch\nADD --keep-git-dir=true https://github.com/a/b.git /\n", &[])
        .fails(&["Dockerfile:2"]);
}
