//! Where the Dockerfile and the context come from.

use std::io::Write;

use super::Workshop;
use super::image::{Image, flat};
use super::workshop::entry;

/// A context with a Dockerfile, as a tar.
fn context(dockerfile: &str) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    entry(&mut tar, "./", tar::EntryType::Directory, 0o755, b"", "");
    entry(&mut tar, "./Dockerfile", tar::EntryType::Regular, 0o644, dockerfile.as_bytes(), "");
    entry(&mut tar, "./sub/", tar::EntryType::Directory, 0o755, b"", "");
    entry(&mut tar, "./sub/a.txt", tar::EntryType::Regular, 0o644, b"from a tar", "");
    entry(
        &mut tar,
        "./sub/other.Dockerfile",
        tar::EntryType::Regular,
        0o644,
        b"FROM scratch\nCOPY sub/a.txt /other\n",
        "",
    );
    entry(&mut tar, "./.dockerignore", tar::EntryType::Regular, 0o644, b"**/*.log\n", "");
    entry(&mut tar, "./x.log", tar::EntryType::Regular, 0o644, b"ignored", "");
    tar.into_inner().expect("in memory")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).expect("in memory");
    gzip.finish().expect("in memory")
}

#[test]
fn the_context_can_be_a_tar_on_standard_input_plain_or_compressed() {
    let Some(shop) = Workshop::new() else { return };
    let tar = context("FROM busybox\nCOPY . /c/\nRUN --mount=target=/m cat /m/sub/a.txt > /out\n");
    let zstd = zstd::encode_all(&tar[..], 1).expect("in memory");
    for input in [tar.clone(), gzip(&tar), zstd] {
        let said = shop.rbuild_with(&["build", "-o", "type=tar,dest=-", "-"], &input, &[]).ok();
        let files = flat(&said.stdout);
        assert_eq!(files["out"].text, "from a tar");
        assert_eq!(files["c/sub/a.txt"].text, "from a tar");
        assert!(!files.contains_key("c/x.log"));
    }
    let said = shop.rbuild_with(&["-f", "sub/other.Dockerfile", "-o", "-", "-"], &tar, &[]).ok();
    assert_eq!(flat(&said.stdout)["other"].text, "from a tar");
    shop.rbuild_with(&["-f", "nowhere", "-"], &tar, &[]).fails(&["nowhere"]);
}

#[test]
fn a_dockerfile_alone_can_be_the_context() {
    let Some(shop) = Workshop::new() else { return };
    let said = shop.rbuild_with(&["-o", "-", "-"], b"FROM busybox\nRUN echo alone > /x\n", &[]).ok();
    assert_eq!(flat(&said.stdout)["x"].text, "alone\n");
    shop.rbuild_with(&["-"], b"FROM busybox\nCOPY a /\n", &[])
        .fails(&["a", "line", "2"].map(|part| if part == "line" { "COPY" } else { part }));
}

#[test]
fn the_dockerfile_can_come_from_standard_input_beside_a_context() {
    let Some(shop) = Workshop::new() else { return };
    shop.write("a.txt", "in the context");
    shop.write("Dockerfile", "FROM nothing-of-this\n");
    let context = shop.context().display().to_string();
    let said =
        shop.rbuild_with(&["-f", "-", "-o", "-", &context], b"FROM busybox\nCOPY a.txt /a\n", &[]).ok();
    assert_eq!(flat(&said.stdout)["a"].text, "in the context");
    shop.rbuild_with(&["-f", "-", "-"], b"FROM scratch\n", &[]).fails(&["standard input"]);
}

#[test]
fn dockerfiles_are_found_by_their_usual_names() {
    let Some(shop) = Workshop::new() else { return };
    let context = shop.context();
    for (name, label) in [("Containerfile", "c"), ("dockerfile", "d"), ("Dockerfile", "D")] {
        shop.write(name, format!("FROM scratch\nLABEL which={label}\n"));
        let out = shop.at("out");
        let _ = std::fs::remove_dir_all(&out);
        let output = format!("type=oci,tar=false,dest={}", out.display());
        shop.rbuild(&["-o", &output, context.to_str().expect("text")]).ok();
        assert_eq!(Image::read(&out).settings()["Labels"]["which"], label);
    }
    let shop = Workshop::bare();
    shop.again(&[]).fails(&["Dockerfile", "Containerfile"]);
    shop.rbuild(&["build", "no/such/directory"]).fails(&["no/such/directory"]);
    shop.again(&["-f", "missing.Dockerfile"]).fails(&["missing.Dockerfile"]);
    shop.write("file", "");
    shop.rbuild(&["build", shop.context().join("file").to_str().expect("text")])
        .fails(&["file", "directory"]);
}

#[test]
fn an_edit_in_the_context_is_seen_and_nothing_else_is_done_again() {
    let Some(shop) = Workshop::new() else { return };
    shop.write("a", "1");
    shop.write("b", "1");
    let dockerfile =
        "FROM busybox\nCOPY a /a\nRUN echo after a: $(cat /a)\nCOPY b /b\nRUN echo after b: $(cat /b)\n";
    shop.build(dockerfile, &[]).ok().says(&["after a: 1\n", "after b: 1\n"]);
    shop.write("b", "2");
    shop.again(&[]).ok().says(&["after b: 2\n"]).never_says(&["after a: 1\n"]);
    shop.write("b", "1");
    shop.again(&[]).ok().never_says(&["after b: 1\n"]);
    std::fs::write(shop.context().join("new"), "").expect("written");
    shop.again(&[]).ok().never_says(&["after a: 1\n", "after b: 1\n"]);
}
