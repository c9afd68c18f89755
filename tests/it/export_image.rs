//! Images as archives and layouts, read by other people's tools.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use rbuild::export::{Destination, Encode, Error, Exported, Output, Split, export, keep};
use rbuild::layer::Compression;
use rbuild::oci::{Digest, ImageManifest, MediaType, descriptor_digest};

use crate::export_fixture::{World, file_digest, hands, tool};
use crate::snapshot_fixture::{assert_same, entries_of, entries_of_stack, skip};

fn gzip() -> Encode {
    Encode::default()
}

fn zstd() -> Encode {
    Encode { compression: Compression::Zstd { level: 3 }, force: false }
}

fn plain() -> Encode {
    Encode { compression: Compression::Uncompressed, force: false }
}

fn manifest_digest(exported: &Exported) -> Digest {
    descriptor_digest(exported.top.as_ref().expect("an image")).expect("valid")
}

fn manifest_of(layout: &Path, exported: &Exported) -> ImageManifest {
    let at = layout.join("blobs/sha256").join(manifest_digest(exported).hex());
    serde_json::from_slice(&fs::read(at).expect("there")).expect("a manifest")
}

/// What skopeo says of an image, and that it can copy it, which checks every digest on the way.
fn skopeo(image: &str, into: &Path, exported: &Exported, original: bool) {
    let Some(output) = tool("skopeo", &[&"inspect", &image]) else { return };
    let seen: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    // From a docker-archive skopeo makes a manifest of its own.
    if original {
        assert_eq!(seen["Digest"], manifest_digest(exported).to_string());
    }
    assert_eq!(seen["Layers"].as_array().expect("a list").len(), 2);
    assert_eq!((&seen["Os"], &seen["Architecture"]), (&"linux".into(), &"amd64".into()));
    let raw = tool("skopeo", &[&"inspect", &"--config", &"--raw", &image]).expect("it ran before");
    assert_eq!(Digest::of(&raw.stdout), exported.configs[0]);
    tool("skopeo", &[&"copy", &image, &format!("dir:{}", into.display())]).expect("it ran before");
}

#[test]
fn a_layout_is_read_by_skopeo_in_every_compression() {
    let world = World::new();
    let cases = [
        ("gzip", gzip(), MediaType::ImageLayerGzip),
        ("zstd", zstd(), MediaType::ImageLayerZstd),
        ("plain", plain(), MediaType::ImageLayer),
    ];
    for (name, encode, media_type) in cases {
        let to = world.scratch.path().join(name);
        let exported = world.export(Output::OciDirectory(to.clone(), encode));
        let manifest = manifest_of(&to, &exported);
        assert!(manifest.layers().iter().all(|l| *l.media_type() == media_type), "{name}");
        assert_eq!(manifest.annotations().as_ref().expect("some")["org.example"], "yes");
        for tag in ["1", "2"] {
            let copied = world.scratch.path().join(format!("{name}-{tag}"));
            skopeo(&format!("oci:{}:{tag}", to.display()), &copied, &exported, true);
        }
    }
}

#[test]
fn archives_are_read_by_skopeo() {
    let world = World::new();
    let at = |name: &str| world.scratch.path().join(name);
    let exported = world.export(Output::OciArchive(Destination::Path(at("oci.tar")), gzip()));
    skopeo(&format!("oci-archive:{}:1", at("oci.tar").display()), &at("a"), &exported, true);
    for (name, encode) in [("gzip", gzip()), ("plain", plain())] {
        let to = at(&format!("docker-{name}.tar"));
        let exported = world.export(Output::DockerArchive(Destination::Path(to.clone()), encode));
        let image = format!("docker-archive:{}:docker.io/library/app:1", to.display());
        skopeo(&image, &at(&format!("b-{name}")), &exported, false);
    }
    let docker = world.export(Output::DockerArchive(Destination::Path(at("docker.tar")), gzip()));
    assert_eq!(docker, exported);
    skopeo(&format!("oci-archive:{}:2", at("docker.tar").display()), &at("c"), &docker, true);
}

#[test]
fn equal_images_are_equal_bytes_wherever_they_go() {
    let (one, two) = (World::new(), World::new());
    let to = |world: &World| world.scratch.path().join("out/image.tar");
    let first = one.export(Output::OciArchive(Destination::Path(to(&one)), gzip()));
    let second = two.export(Output::OciArchive(Destination::Path(to(&two)), gzip()));
    assert_eq!(first, second);
    assert_eq!(file_digest(&to(&one)), file_digest(&to(&two)));
    let mut stdout = Vec::new();
    export(&one.store, &one.set, &Output::OciArchive(Destination::Stdout, gzip()), &mut stdout)
        .expect("exported");
    assert_eq!(Digest::of(&stdout), file_digest(&to(&one)));
    let layout = one.scratch.path().join("layout");
    assert_eq!(one.export(Output::OciDirectory(layout, gzip())), first);
}

#[test]
fn gnu_tar_and_python_list_an_archive() {
    let world = World::new();
    let to = world.scratch.path().join("image.tar");
    world.export(Output::DockerArchive(Destination::Path(to.clone()), gzip()));
    let Some(output) = tool("tar", &[&"-tvf", &to]) else { return };
    let text = String::from_utf8(output.stdout).expect("utf-8");
    let names: Vec<&str> = text.lines().filter_map(|l| l.split_whitespace().last()).collect();
    assert_eq!((names[0], names[1], names[2]), ("oci-layout", "blobs/", "blobs/sha256/"));
    assert_eq!(names[names.len() - 2..], ["manifest.json", "index.json"]);
    assert!(text.lines().all(|l| l.contains(" 0/0 ") && l.contains("1970-01-01")), "{text}");
    let script = "import sys,tarfile; print(len(tarfile.open(sys.argv[1]).getmembers()))";
    let Some(output) = tool("python3", &[&"-c", &script, &to]) else { return };
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), names.len().to_string());
}

#[test]
fn umoci_unpacks_what_the_lists_say() {
    if !rustix::process::geteuid().is_root() {
        return skip("umoci unpack with owners needs root");
    }
    let mut hands = hands();
    // umoci leaves FIFOs' and directories' details to the same rules; the root is the bundle's own.
    hands.0[0] = std::mem::take(&mut hands.0[0]).put("", rbuild::tree::Kind::Directory, 0o755);
    let world = World::of(&hands);
    let layout = world.scratch.path().join("layout");
    world.export(Output::OciDirectory(layout.clone(), gzip()));
    let bundle = world.scratch.path().join("bundle");
    let image = format!("{}:1", layout.display());
    if tool("umoci", &[&"unpack", &"--image", &image, &bundle]).is_none() {
        return;
    }
    let mut unpacked = entries_of(&bundle.join("rootfs"));
    let mut stack = entries_of_stack(&world.set.images[0].stack().unwrap());
    for entry in unpacked.iter_mut().chain(&mut stack).filter(|e| e.path.is_root()) {
        entry.mtime = Default::default();
    }
    assert_same(&unpacked, &stack, "umoci unpack against the lists");
}

#[test]
fn a_layout_keeps_its_other_images_and_its_blobs() {
    let mut world = World::new();
    let to = world.scratch.path().join("layout");
    let first = world.export(Output::OciDirectory(to.clone(), gzip()));
    let blob = |exported: &Exported| {
        let layer = manifest_of(&to, exported).layers()[0].clone();
        to.join("blobs/sha256").join(descriptor_digest(&layer).expect("valid").hex())
    };
    let before = fs::metadata(blob(&first)).expect("there").modified().expect("known");
    world.set.names = vec!["other:3".parse().expect("valid")];
    world.set.images[0].config.author = Some("me".to_string());
    let second = world.export(Output::OciDirectory(to.clone(), gzip()));
    assert_ne!(first, second);
    assert_eq!(fs::metadata(blob(&second)).expect("there").modified().expect("known"), before);
    let index = fs::read_to_string(to.join("index.json")).expect("there");
    for name in ["docker.io/library/app:1", "localhost:5000/team/app:2", "docker.io/library/other:3"] {
        assert!(index.contains(name), "{index}");
    }
    // A damaged blob is not taken for the one that it should be.
    fs::write(blob(&first), vec![0; fs::metadata(blob(&first)).expect("there").len() as usize])
        .expect("written");
    world.export(Output::OciDirectory(to.clone(), gzip()));
    assert_eq!(file_digest(&blob(&first)).hex(), blob(&first).file_name().expect("named").to_string_lossy());
}

#[test]
fn a_layer_that_came_compressed_stays_as_it_is_unless_forced() {
    let mut world = World::new();
    world.as_pulled();
    let pulled = world.set.images[0].here().unwrap()[0].blob;
    let to = world.scratch.path().join("layout");
    let types = |encode| {
        let exported = world.export(Output::OciDirectory(to.clone(), encode));
        let manifest = manifest_of(&to, &exported);
        let kept = descriptor_digest(&manifest.layers()[0]).expect("valid") == pulled;
        let types: Vec<MediaType> = manifest.layers().iter().map(|l| l.media_type().clone()).collect();
        (kept, types)
    };
    let (gz, zst, tar) = (MediaType::ImageLayerGzip, MediaType::ImageLayerZstd, MediaType::ImageLayer);
    assert_eq!(types(gzip()), (true, vec![gz.clone(), gz.clone()]));
    assert_eq!(types(zstd()), (true, vec![gz.clone(), zst.clone()]));
    assert_eq!(types(plain()), (true, vec![gz.clone(), tar.clone()]));
    assert_eq!(types(Encode { force: true, ..zstd() }), (false, vec![zst.clone(), zst]));
    assert_eq!(types(Encode { force: true, ..plain() }), (false, vec![tar.clone(), tar]));
    let kept = keep(&world.store, &world.set).expect("kept");
    let manifest = world.store.read_blob(&manifest_digest(&kept), 1 << 20).expect("read").expect("there");
    let manifest: ImageManifest = serde_json::from_slice(&manifest).expect("a manifest");
    assert_eq!(descriptor_digest(&manifest.layers()[0]), Ok(pulled));
    assert_eq!(*manifest.layers()[1].media_type(), MediaType::ImageLayer);
    assert!(world.store.blob_size(&kept.configs[0]).expect("read").is_some());
}

#[test]
fn a_failed_export_leaves_nothing_behind() {
    let mut world = World::new();
    let out = world.scratch.path().join("out");
    fs::create_dir(&out).expect("made");
    let to = out.join("image.tar");
    fs::write(&to, "what was there").expect("written");
    let gone = world.set.images[0].config.rootfs.diff_ids.pop();
    for output in [
        Output::OciArchive(Destination::Path(to.clone()), gzip()),
        Output::DockerArchive(Destination::Path(to.clone()), gzip()),
    ] {
        let error = export(&world.store, &world.set, &output, &mut Vec::new()).expect_err("does not fit");
        assert!(matches!(error, Error::Image(_)), "{error}");
    }
    world.set.images[0].config.rootfs.diff_ids.extend(gone);
    assert_eq!(fs::read_to_string(&to).expect("there"), "what was there");
    assert_eq!(fs::read_dir(&out).expect("there").count(), 1);
    let output = Output::OciArchive(Destination::Path(out.clone()), gzip());
    let error = export(&world.store, &world.set, &output, &mut Vec::new()).expect_err("a directory");
    assert!(error.to_string().contains("tar=false"), "{error}");
    let output = Output::OciDirectory(to, gzip());
    let error = export(&world.store, &world.set, &output, &mut Vec::new()).expect_err("a file");
    assert!(error.to_string().contains("is not a directory"), "{error}");
}

#[test]
fn a_device_is_written_to_and_not_replaced() {
    let world = World::new();
    world.export(Output::OciArchive(Destination::Path("/dev/null".into()), gzip()));
    assert!(fs::metadata("/dev/null").expect("there").file_type().is_char_device());
}

#[test]
fn a_full_disk_is_told_and_leaves_no_file() {
    let world = World::new();
    let full = world.scratch.path().join("full");
    fs::create_dir(&full).expect("made");
    let options = "size=1m";
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", options, "tmpfs"])
        .arg(&full)
        .status()
        .is_ok_and(|s| s.success());
    if !mounted {
        return skip("mounting a small tmpfs needs root");
    }
    let failed = |output| export(&world.store, &world.set, &output, &mut Vec::new());
    let results = [
        failed(Output::OciArchive(Destination::Path(full.join("a.tar")), plain())),
        failed(Output::Tar(Destination::Path(full.join("b.tar")), Split::Auto)),
        failed(Output::Local(full.join("c"), Split::Auto)),
        failed(Output::OciDirectory(full.join("d"), plain())),
    ];
    let there = |name: &str| full.join(name).exists();
    let seen = [there("a.tar"), there("b.tar"), there("c"), there("d/index.json")];
    let left = fs::read_dir(&full).expect("there").count();
    tool("umount", &[&full]);
    for result in results {
        let error = result.expect_err("it does not fit");
        assert!(error.to_string().contains("No space left"), "{error}");
    }
    assert_eq!((seen, left), ([false; 4], 1), "only the layout's directory stays");
}
