//! Archives and layouts that are damaged, or that lie: named, and nothing comes of them.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{inspect, shop};
use crate::e2e::Workshop;

/// A layout of `app:1`, which each case damages.
fn layout(shop: &Workshop, name: &str) -> PathBuf {
    shop.rbuild(&["copy", "app:1", &format!("oci:{}", shop.arg(name))]).ok();
    shop.at(name)
}

fn blob(layout: &Path, digest: &Value) -> PathBuf {
    layout.join("blobs").join(digest.as_str().unwrap().replace(':', "/"))
}

/// Nothing comes of it, in whatever form it goes.
fn refused(shop: &Workshop, layout: &Path, parts: &[&str]) {
    let from = format!("oci:{}", layout.display());
    let other = Workshop::bare();
    other.rbuild(&["load", "-i", &layout.display().to_string()]).fails(parts);
    other.rbuild(&["copy", &from, "store:x"]).fails(parts);
    assert_eq!(other.rbuild(&["images"]).ok().out().lines().count(), 1, "nothing is named");
    let archive = shop.at("never.tar");
    shop.rbuild(&["copy", &from, &format!("oci-archive:{}", archive.display())]).fails(parts);
    assert!(!archive.exists());
    let to = shop.at("never");
    shop.rbuild(&["copy", &from, &format!("oci:{}", to.display())]).fails(parts);
    assert!(!to.join("index.json").exists());
    let _ = std::fs::remove_dir_all(to);
    let left = std::fs::read_dir(shop.at("")).unwrap().filter_map(Result::ok);
    assert!(!left.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with(".rbuild-")));
}

#[test]
fn a_blob_that_is_changed_cut_short_longer_or_missing_is_named() {
    let shop = shop();
    let image = inspect(&shop, "app:1");
    for which in ["layer", "config", "manifest"] {
        let digest = match which {
            "layer" => &image["layers"][0]["digest"],
            "config" => &image["id"],
            _ => &image["digest"],
        };
        let hex = digest.as_str().unwrap();
        for case in ["changed", "short", "long", "missing"] {
            let layout = layout(&shop, &format!("{which}-{case}"));
            let path = blob(&layout, digest);
            let mut bytes = std::fs::read(&path).unwrap();
            match case {
                "changed" => {
                    let middle = bytes.len() / 2;
                    bytes[middle] ^= 1;
                }
                "short" => bytes.truncate(bytes.len() - 1),
                "long" => bytes.push(0),
                _ => {}
            }
            match case {
                "missing" => std::fs::remove_file(&path).unwrap(),
                _ => std::fs::write(&path, bytes).unwrap(),
            }
            let to = shop.at("once.tar");
            let from = format!("oci:{}", layout.display());
            shop.rbuild(&["copy", &from, &format!("oci-archive:{}", to.display())]).fails(&[hex]);
            assert!(!to.exists());
            if which == "layer" {
                refused(&shop, &layout, &[hex]);
            }
        }
    }
}

#[test]
fn an_archive_that_ends_early_or_has_another_byte_is_refused() {
    let shop = shop();
    let bytes = shop.rbuild(&["save", "app:1"]).ok().stdout;
    let other = Workshop::bare();
    for end in [100, 700, 5000, bytes.len() / 2, bytes.len() - 3000] {
        other.rbuild_with(&["load"], &bytes[..end], &[]).fails(&["standard input"]);
    }
    // A byte of the large layer.
    let mut changed = bytes.clone();
    let at = changed.windows(64).position(|window| window == [b'a'; 64]).unwrap() + 5000;
    changed[at] = b'b';
    other.rbuild_with(&["load"], &changed, &[]).fails(&["damaged"]);
    assert_eq!(other.rbuild(&["images"]).ok().out().lines().count(), 1, "nothing is named");
    other.rbuild_with(&["load"], &bytes, &[]).ok();
}

#[test]
fn a_config_that_names_other_layers_than_there_are_is_refused() {
    let shop = shop();
    let image = inspect(&shop, "app:1");
    let layout = layout(&shop, "lying");
    // Every digest is right; what the config says that a layer unpacks to is not.
    let config = std::fs::read_to_string(blob(&layout, &image["id"])).unwrap();
    let (one, two) = (&image["layers"][0]["diffId"], &image["layers"][1]["diffId"]);
    let (one, two) = (one.as_str().unwrap(), two.as_str().unwrap());
    let swapped = config.replace(one, "X").replace(two, one).replace('X', two);
    let manifest = std::fs::read_to_string(blob(&layout, &image["digest"])).unwrap();
    let put = |text: &str| {
        let digest = rbuild::oci::Digest::of(text.as_bytes());
        std::fs::write(layout.join("blobs/sha256").join(digest.hex()), text).unwrap();
        digest.to_string()
    };
    let manifest = manifest.replace(image["id"].as_str().unwrap(), &put(&swapped));
    let index = std::fs::read_to_string(layout.join("index.json")).unwrap();
    let index = index.replace(image["digest"].as_str().unwrap(), &put(&manifest));
    std::fs::write(layout.join("index.json"), index).unwrap();
    let other = Workshop::bare();
    let said = other.rbuild(&["load", "-i", &layout.display().to_string()]);
    said.fails(&["does not unpack to", "which the config names"]);
    assert_eq!(other.rbuild(&["images"]).ok().out().lines().count(), 1, "nothing is named");
}

#[test]
fn documents_that_can_be_read_as_two_and_paths_that_lead_out_are_refused() {
    let shop = shop();
    let layout = layout(&shop, "two");
    let both = r#"{"schemaVersion":2,"manifests":[],"layers":[],"config":{}}"#;
    let digest = rbuild::oci::Digest::of(both.as_bytes());
    std::fs::write(layout.join("blobs/sha256").join(digest.hex()), both).unwrap();
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"{digest}","size":{}}}]}}"#,
        both.len()
    );
    std::fs::write(layout.join("index.json"), index).unwrap();
    refused(&shop, &layout, &["ambiguous"]);
    let index = r#"{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:../../../../etc/passwd","size":3}]}"#;
    std::fs::write(layout.join("index.json"), index).unwrap();
    refused(&shop, &layout, &["index.json", "../etc/passwd"]);
    // Docker's list can name any path: in the archive, not outside.
    let mut tar = tar::Builder::new(Vec::new());
    let list = r#"[{"Config":"/etc/hostname","RepoTags":["x:1"],"Layers":["../../../../etc/passwd"]}]"#;
    crate::e2e::entry(&mut tar, "manifest.json", tar::EntryType::Regular, 0o644, list.as_bytes(), "");
    let bytes = tar.into_inner().unwrap();
    shop.rbuild_with(&["load"], &bytes, &[]).fails(&["not there"]);
    let directory = shop.at("docker-directory");
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("manifest.json"), list).unwrap();
    shop.rbuild(&["load", "-i", &directory.display().to_string()]).fails(&["not there"]);
}
