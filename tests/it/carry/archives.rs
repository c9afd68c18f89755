//! `save` and `load`.

use std::io::Write;

use super::{digest_of, inspect, shop, skopeo};
use crate::e2e::{Workshop, finish, tools};

#[test]
fn what_is_saved_is_loaded_with_its_digest_its_id_and_its_names() {
    let shop = shop();
    let before = inspect(&shop, "app:1");
    for format in ["docker", "oci"] {
        let file = shop.arg(&format!("{format}.tar"));
        let said = shop.rbuild(&["save", "app:1", "second:2", "-o", &file, "--format", format]).ok();
        assert!(said.stdout.is_empty());
        let other = Workshop::bare();
        let said = other.rbuild(&["load", "-i", &file]).ok();
        assert_eq!(said.out(), "Loaded image: app:1\nLoaded image: second:2\n");
        let after = inspect(&other, "second:2");
        for key in ["digest", "id", "config", "layers"] {
            assert_eq!(before[key], after[key], "{format} {key}");
        }
        other.write("Dockerfile", "FROM app:1\nCOPY --from=second:2 /dir/b /c\n");
        let context = other.context().display().to_string();
        other.rbuild(&["-t", "child", &context]).ok();
    }
}

#[test]
fn archives_come_in_on_standard_input_and_in_any_compression() {
    let shop = shop();
    let plain = shop.rbuild(&["save", "app:1"]).ok().stdout;
    let gzip = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&plain).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = zstd::encode_all(&plain[..], 1).unwrap();
    for bytes in [&plain, &gzip, &zstd] {
        let other = Workshop::bare();
        let said = other.rbuild_with(&["load"], bytes, &[]).ok();
        assert_eq!(said.out(), "Loaded image: app:1\n");
        let file = other.write_at("archive", bytes).display().to_string();
        other.rbuild(&["load", "--input", &file]).ok();
        assert_eq!(inspect(&other, "app:1")["digest"], inspect(&shop, "app:1")["digest"]);
    }
    // The same bytes each time: nothing in an archive is of the day.
    assert_eq!(shop.rbuild(&["save", "app:1"]).ok().stdout, plain);
}

#[test]
fn skopeo_reads_what_is_saved() {
    if !tools(&["skopeo"]) {
        return;
    }
    let shop = shop();
    let (docker, oci) = (shop.arg("docker.tar"), shop.arg("oci.tar"));
    shop.rbuild(&["save", "app:1", "-o", &docker]).ok();
    shop.rbuild(&["save", "app:1", "-o", &oci, "--format", "oci"]).ok();
    let digest = inspect(&shop, "app:1")["digest"].as_str().unwrap().to_string();
    assert_eq!(digest_of(&[&format!("oci-archive:{oci}:1")]), digest);
    assert_eq!(digest_of(&[&format!("oci-archive:{docker}:1")]), digest);
    let archive = format!("docker-archive:{docker}:app:1");
    skopeo(&["copy", &archive, &format!("oci:{}:x", shop.arg("copied"))]);
    let config = skopeo(&["inspect", "--config", "--raw", &archive]).stdout;
    let id = rbuild::oci::Digest::of(&config).to_string();
    assert_eq!(inspect(&shop, "app:1")["id"], id.as_str(), "the config is the same, byte for byte");
}

#[test]
fn what_skopeo_writes_is_loaded() {
    if !tools(&["skopeo"]) {
        return;
    }
    let shop = shop();
    let oci = shop.arg("ours.tar");
    shop.rbuild(&["save", "app:1", "-o", &oci, "--format", "oci"]).ok();
    let from = format!("oci-archive:{oci}:1");
    let id = inspect(&shop, "app:1")["id"].clone();

    // Docker's own form: no manifest, layers under their diff IDs.
    let docker = shop.arg("docker.tar");
    skopeo(&["copy", &from, &format!("docker-archive:{docker}:ghcr.io/me/app:7")]);
    let other = Workshop::bare();
    let said = other.rbuild(&["load", "-i", &docker]).ok();
    assert_eq!(said.out(), "Loaded image: ghcr.io/me/app:7\n");
    assert_eq!(inspect(&other, "ghcr.io/me/app:7")["id"], id);

    // A whole reference as the name in a layout is a name; a tag alone is none.
    let named = shop.arg("named.tar");
    skopeo(&["copy", &from, &format!("oci-archive:{named}:ghcr.io/me/app:8")]);
    assert_eq!(other.rbuild(&["load", "-i", &named]).ok().out(), "Loaded image: ghcr.io/me/app:8\n");
    let tagged = shop.arg("tagged.tar");
    skopeo(&["copy", &from, &format!("oci-archive:{tagged}:9")]);
    let other = Workshop::bare();
    let said = other.rbuild(&["load", "-i", &tagged]).ok().says(&[
        "has no name",
        "called \"9\" there",
        "rbuild tag",
    ]);
    assert_eq!(said.out(), format!("Loaded image ID: {}\n", id.as_str().unwrap()));

    // A layout as a directory.
    let directory = shop.arg("layout");
    skopeo(&["copy", &from, &format!("oci:{directory}:me/app:1")]);
    assert_eq!(other.rbuild(&["load", "-i", &directory]).ok().out(), "Loaded image: me/app:1\n");
    assert_eq!(inspect(&other, "me/app:1")["id"], id);
}

#[test]
fn what_docker_wrote_before_it_knew_layouts_is_loaded() {
    // Directories named by ids, a layer that stands there twice as a link, RepoTags of another time.
    let shop = Workshop::bare();
    let layer = {
        let mut tar = tar::Builder::new(Vec::new());
        crate::e2e::entry(&mut tar, "file", tar::EntryType::Regular, 0o644, b"content", "");
        tar.into_inner().unwrap()
    };
    let diff_id = rbuild::oci::Digest::of(&layer);
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{"Cmd":["/file"]}},"rootfs":{{"type":"layers","diff_ids":["{diff_id}","{diff_id}"]}},"history":[{{"created_by":"x"}},{{"created_by":"y"}}]}}"#
    );
    let id = rbuild::oci::Digest::of(config.as_bytes());
    let manifest = format!(
        r#"[{{"Config":"{}.json","RepoTags":["old:1"],"Layers":["aaa/layer.tar","bbb/layer.tar"]}}]"#,
        id.hex()
    );
    let mut tar = tar::Builder::new(Vec::new());
    crate::e2e::entry(&mut tar, "aaa/", tar::EntryType::Directory, 0o755, b"", "");
    crate::e2e::entry(&mut tar, "aaa/layer.tar", tar::EntryType::Regular, 0o644, &layer, "");
    crate::e2e::entry(&mut tar, "bbb/layer.tar", tar::EntryType::Symlink, 0o777, b"", "../aaa/layer.tar");
    crate::e2e::entry(
        &mut tar,
        &format!("{}.json", id.hex()),
        tar::EntryType::Regular,
        0o644,
        config.as_bytes(),
        "",
    );
    crate::e2e::entry(&mut tar, "manifest.json", tar::EntryType::Regular, 0o644, manifest.as_bytes(), "");
    let bytes = tar.into_inner().unwrap();
    assert_eq!(shop.rbuild_with(&["load"], &bytes, &[]).ok().out(), "Loaded image: old:1\n");
    let there = inspect(&shop, "old:1");
    assert_eq!(there["id"], id.to_string());
    assert_eq!(there["layers"].as_array().unwrap().len(), 2);
}

#[test]
fn several_images_are_saved_and_loaded_together_and_podman_spelling_is_taken() {
    let shop = shop();
    shop.write("Dockerfile", "FROM app:1\nENV B=2\n");
    let context = shop.context().display().to_string();
    shop.rbuild(&["-t", "child:1", &context]).ok();
    let file = shop.arg("both.tar");
    let arguments = ["save", "--format", "docker-archive", "--output", &file, "app:1", "child:1"];
    shop.rbuild(&arguments).ok();
    let other = Workshop::bare();
    let said = other.rbuild(&["load", "-i", &file]).ok();
    assert_eq!(said.out(), "Loaded image: app:1\nLoaded image: child:1\n");
    let mut python = std::process::Command::new("python3");
    python.args(["-c", "import json,sys,tarfile; t=tarfile.open(sys.argv[1]); print(len(json.load(t.extractfile('manifest.json'))), len(t.getnames())==len(set(t.getnames())))", &file]);
    if tools(&["python3"]) {
        assert_eq!(finish(python, b"").ok().out(), "2 True\n");
    }
}

#[test]
fn what_cannot_be_saved_or_loaded_is_said_in_one_line() {
    let shop = shop();
    let file = shop.arg("x.tar");
    shop.rbuild(&["save", "nothing", "-o", &file]).fails(&["no image \"nothing\""]);
    shop.rbuild(&["save", "app:1", "--format", "zip", "-o", &file]).fails(&["--format zip"]);
    shop.rbuild(&["save", "app:1", "--platform", "linux/s390x,linux/amd64", "-o", &file])
        .fails(&["--platform"]);
    assert!(!shop.at("x.tar").exists());
    shop.rbuild(&["load", "-i", &shop.arg("missing")]).fails(&["missing", "No such file"]);
    let rootfs = {
        let mut tar = tar::Builder::new(Vec::new());
        crate::e2e::entry(&mut tar, "etc/passwd", tar::EntryType::Regular, 0o644, b"x", "");
        tar.into_inner().unwrap()
    };
    shop.rbuild_with(&["load"], &rootfs, &[]).fails(&["no image in it", "rbuild import"]);
    shop.rbuild_with(&["load"], b"hello", &[]).fails(&["standard input", "tar"]);
}
