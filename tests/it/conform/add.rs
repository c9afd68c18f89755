//! ADD: archives of the context.

use super::case::{build, draw, fill};
use crate::e2e::{Workshop, tools};

/// Entries of a tar: name, kind, mode, owner.
fn archive(entries: &[(&str, &str, u32, u64)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content, mode, owner) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_mode(*mode);
        header.set_uid(*owner);
        header.set_gid(*owner);
        header.set_mtime(1_000_000_000);
        let (kind, link) = match content.split_at_checked(2) {
            _ if name.ends_with('/') => (tar::EntryType::Directory, None),
            Some(("->", target)) => (tar::EntryType::Symlink, Some(target)),
            Some(("==", target)) => (tar::EntryType::Link, Some(target)),
            _ => (tar::EntryType::Regular, None),
        };
        header.set_entry_type(kind);
        let content = if kind.is_file() { content } else { "" };
        header.set_size(content.len() as u64);
        // As they are: the library takes no names that step up.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        if let Some(target) = link {
            header.set_link_name_literal(target).expect("short");
        }
        header.set_cksum();
        tar.append(&header, content.as_bytes()).expect("written");
    }
    tar.into_inner().expect("written")
}

#[test]
fn archives_are_unpacked_as_the_archive_says() {
    let shop = Workshop::bare();
    let context = fill(&shop, &["plain.tar=not-an-archive", "f=1"]);
    let put = |name: &str, bytes: &[u8]| std::fs::write(shop.at("facts").join(name), bytes).expect("written");
    let one = archive(&[
        ("d/", "", 0o700, 5),
        ("d/f", "1", 0o640, 5),
        ("d/l", "->f", 0o777, 5),
        ("d/h", "==d/f", 0o640, 5),
    ]);
    put("one.tar", &one);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &one).expect("packed");
    put("one.tgz", &gzip.finish().expect("packed"));
    put("one.zst", &zstd::encode_all(&one[..], 1).expect("packed"));
    put("implied.tar", &archive(&[("a/b/c", "1", 0o600, 5)]));
    put("dot.tar", &archive(&[("./", "", 0o700, 5), ("./f", "2", 0o644, 5)]));
    put(
        "links.tar",
        &archive(&[("run/", "", 0o755, 0), ("var/", "", 0o755, 0), ("var/run", "->/run", 0o777, 0)]),
    );
    put(
        "through.tar",
        &archive(&[
            ("var/run/x/", "", 0o755, 0),
            ("var/run/x/f", "1", 0o644, 0),
            ("var/run/x/g", "==var/run/x/f", 0o644, 0),
        ]),
    );
    put("file-over.tar", &archive(&[("d", "now-a-file", 0o644, 0)]));
    put("own.tar", &archive(&[("/", "", 0o700, 5), ("f", "2", 0o644, 0)]));
    put(
        "merged.tar",
        &archive(&[
            ("lib", "->usr/lib", 0o777, 0),
            ("usr/lib/", "", 0o755, 0),
            ("lib/x", "1", 0o644, 0),
            ("f/", "", 0o755, 0),
            ("f/x", "1", 0o644, 0),
            ("f", "file", 0o644, 0),
            ("../a/../b", "2", 0o644, 0),
            ("", "nothing", 0o644, 0),
        ]),
    );
    put("two.tar", &archive(&[("g", "2", 0o644, 0)]));
    const ONE: &[&str] = &["x/", "x/d/ 700 5:5", "x/d/f=1 640 5:5", "x/d/h==x/d/f 640 5:5", "x/d/l->f 5:5"];
    let cases: &[(&str, &str, &[&str])] = &[
        ("plain", "ADD one.tar /x", ONE),
        ("gzip", "ADD one.tgz /x/", ONE),
        ("zstd", "ADD one.zst /x", ONE),
        ("in JSON", "ADD [\"one.tar\", \"/x\"]", ONE),
        ("relative", "WORKDIR /x\nADD one.tar .", ONE),
        ("onto the root", "ADD two.tar /", &["g=2"]),
        (
            "--chown is for members and the destination",
            "ADD --chown=7:8 two.tar /x",
            &["x/ 7:8", "x/g=2 7:8"],
        ),
        ("--chmod is for neither", "ADD --chmod=600 two.tar /x", &["x/", "x/g=2"]),
        (
            "directories that only names tell of are root's",
            "ADD --chown=7:8 implied.tar /x",
            &["x/ 7:8", "x/a/", "x/a/b/", "x/a/b/c=1 600 7:8"],
        ),
        ("the archive's root is not looked at", "WORKDIR /x\nADD dot.tar /x", &["x/", "x/f=2 5:5"]),
        ("but where it is called /", "ADD own.tar /x", &["x/ 700 5:5", "x/f=2"]),
        (
            "links of the archive are followed, and the last of two counts",
            "ADD merged.tar /x",
            &["x/", "x/b=2", "x/f=file", "x/lib->usr/lib", "x/usr/", "x/usr/lib/", "x/usr/lib/x=1"],
        ),
        (
            "links of the image are followed",
            "ADD links.tar /\nADD through.tar /",
            &["run/", "run/x/", "run/x/f=1", "run/x/g==run/x/f", "var/", "var/run->/run"],
        ),
        ("a file replaces a directory", "ADD one.tar /\nADD file-over.tar /", &["d=now-a-file"]),
        (
            "a directory is merged and takes the metadata",
            "COPY f /x/d/k\nADD one.tar /x",
            &["x/", "x/d/ 700 5:5", "x/d/f=1 640 5:5", "x/d/h==x/d/f 640 5:5", "x/d/k=1", "x/d/l->f 5:5"],
        ),
        ("several", "ADD [dt]wo.tar plain.tar /x/", &["x/", "x/g=2", "x/plain.tar=not-an-archive"]),
        (
            "what is no archive is copied",
            "ADD plain.tar f /x/",
            &["x/", "x/f=1", "x/plain.tar=not-an-archive"],
        ),
        ("COPY copies", "COPY two.tar /x/\nFROM scratch\nADD --unpack=true two.tar /y", &["y/", "y/g=2"]),
    ];
    let mut wrong = Vec::new();
    for (what, dockerfile, want) in cases {
        let got = build(&shop, &context, &format!("FROM scratch\n{dockerfile}\n"), &[]);
        let got = got.map_or_else(|text| vec![text], |image| draw(&image));
        if got != *want {
            wrong.push(format!("{what}: {dockerfile}\n  got  {got:#?}\n  want {want:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let kept =
        build(&shop, &context, "FROM scratch\nADD --unpack=false one.tgz /x/\nCOPY one.tar /x/\n", &[])
            .expect("builds");
    assert_eq!(kept.below("x"), ["one.tar", "one.tgz"]);
}

#[test]
fn every_compression_is_known_by_its_bytes() {
    if !tools(&["xz", "bzip2"]) {
        return;
    }
    let shop = Workshop::bare();
    let context = fill(&shop, &[]);
    let plain = shop.at("facts/a");
    for tool in ["xz", "bzip2"] {
        std::fs::write(&plain, archive(&[("f", tool, 0o644, 0)])).expect("written");
        let done = std::process::Command::new(tool).arg("-f").arg(&plain).status().expect("runs");
        assert!(done.success());
        let name = if tool == "xz" { "a.xz" } else { "a.bz2" };
        let image = build(&shop, &context, &format!("FROM scratch\nADD {name} /x\n"), &[]).expect("builds");
        assert_eq!(image.text("x/f"), tool);
    }
}
