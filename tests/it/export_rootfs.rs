//! Root file systems as tar and as directory.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;

use rbuild::export::{Destination, Output, Split, export};
use rbuild::tree::{Entry, Kind};

use crate::export_fixture::{World, file_digest, hands, tool};
use crate::snapshot_fixture::{Hand, Hands, assert_same, entries_of, entries_of_stack, scratch, skip};

/// What a directory made of the image holds: without its root, and without owners if `mine` says who made it.
fn below_root(mut entries: Vec<Entry>, mine: Option<(u32, u32)>) -> Vec<Entry> {
    entries.retain(|e| !e.path.is_root());
    if let Some((uid, gid)) = mine {
        for entry in &mut entries {
            (entry.uid, entry.gid) = (uid, gid);
        }
    }
    entries
}

fn mine() -> Option<(u32, u32)> {
    let uid = rustix::process::geteuid();
    (!uid.is_root()).then(|| (uid.as_raw(), rustix::process::getegid().as_raw()))
}

#[test]
fn gnu_tar_extracts_the_merged_tree() {
    if mine().is_some() {
        return skip("extracting owners needs root");
    }
    let world = World::new();
    let to = world.scratch.path().join("rootfs.tar");
    world.export(Output::Tar(Destination::Path(to.clone()), Split::Auto));
    let into = world.scratch.path().join("into");
    fs::create_dir(&into).expect("made");
    let xattrs = "--xattrs-include=*";
    if tool("tar", &[&"--xattrs", &xattrs, &"--numeric-owner", &"-xpf", &to, &"-C", &into]).is_none() {
        return;
    }
    let stack = below_root(entries_of_stack(&world.set.images[0].stack().unwrap()), None);
    assert_same(&below_root(entries_of(&into), None), &stack, "tar -x against the lists");
    let mut stdout = Vec::new();
    export(&world.store, &world.set, &Output::Tar(Destination::Stdout, Split::Auto), &mut stdout)
        .expect("exported");
    assert_eq!(rbuild::oci::Digest::of(&stdout), file_digest(&to));
}

#[test]
fn python_reads_the_tar() {
    let world = World::new();
    let to = world.scratch.path().join("rootfs.tar");
    world.export(Output::Tar(Destination::Path(to.clone()), Split::Auto));
    let script = "import sys,tarfile\nt=tarfile.open(sys.argv[1],encoding='utf-8',errors='surrogateescape')\nprint(sum(m.size for m in t),len(t.getmembers()),t.extractfile('home/b').read().decode())";
    let Some(output) = tool("python3", &[&"-c", &script, &to]) else { return };
    let entries = below_root(entries_of_stack(&world.set.images[0].stack().unwrap()), None);
    let size: u64 = entries.iter().map(|e| if let Kind::File { size, .. } = e.kind { size } else { 0 }).sum();
    let want = format!("{size} {} one file", entries.len());
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), want);
}

#[test]
fn a_new_directory_holds_the_merged_tree() {
    let world = World::new();
    let to = world.scratch.path().join("deep/er/rootfs");
    world.export(Output::Local(to.clone(), Split::Auto));
    let stack = below_root(entries_of_stack(&world.set.images[0].stack().unwrap()), mine());
    assert_same(&below_root(entries_of(&to), mine()), &stack, "directory against the lists");
    assert_eq!(names(to.parent().expect("made")), ["rootfs"]);
}

fn names(at: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(at)
        .expect("there")
        .map(|e| e.expect("entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn an_existing_directory_keeps_what_is_not_replaced_and_its_links_are_not_followed() {
    let world = World::new();
    let to = world.scratch.path().join("rootfs");
    let outside = world.scratch.path().join("outside");
    for directory in [&outside, &to, &to.join("etc"), &to.join("big"), &to.join("big/full")] {
        fs::create_dir(directory).expect("made");
    }
    fs::write(to.join("mine"), "mine").expect("written");
    fs::write(to.join("etc/mine"), "mine").expect("written");
    fs::write(to.join("etc/passwd"), "replaced").expect("written");
    fs::write(outside.join("a"), "untouched").expect("written");
    symlink(&outside, to.join("home")).expect("linked");
    symlink(outside.join("a"), to.join("pipe")).expect("linked");
    fs::set_permissions(&to, fs::Permissions::from_mode(0o751)).expect("mode");
    // Twice: the second time everything is there already.
    for _ in 0..2 {
        world.export(Output::Local(to.clone(), Split::Auto));
        let mut there = below_root(entries_of(&to), mine());
        there.retain(|e| !matches!(e.path.to_string().as_str(), "/mine" | "/etc/mine"));
        let stack = below_root(entries_of_stack(&world.set.images[0].stack().unwrap()), mine());
        assert_same(&there, &stack, "directory against the lists");
    }
    assert_eq!(fs::read_to_string(to.join("etc/mine")).expect("kept"), "mine");
    assert_eq!(fs::metadata(&to).expect("there").mode() & 0o7777, 0o751);
    assert_eq!(
        (names(&outside), fs::read_to_string(outside.join("a")).expect("there")),
        (vec!["a".to_string()], "untouched".to_string())
    );
    assert!(!names(&to).iter().any(|n| n.starts_with(".rbuild")), "{:?}", names(&to));
}

#[test]
fn a_destination_that_is_a_file_is_refused() {
    let world = World::new();
    let to = world.scratch.path().join("file");
    fs::write(&to, "mine").expect("written");
    let error = export(&world.store, &world.set, &Output::Local(to.clone(), Split::Auto), &mut Vec::new());
    assert!(error.expect_err("refused").to_string().contains("is not a directory"));
    assert_eq!(fs::read_to_string(&to).expect("kept"), "mine");
}

#[test]
fn an_image_of_no_layers_is_an_empty_directory_and_an_empty_tar() {
    let world = World::of(&Hands(vec![]));
    let to = world.scratch.path().join("rootfs");
    world.export(Output::Local(to.clone(), Split::Auto));
    assert_eq!(names(&to), Vec::<String>::new());
    let mut stdout = Vec::new();
    export(&world.store, &world.set, &Output::Tar(Destination::Stdout, Split::Auto), &mut stdout)
        .expect("exported");
    assert_eq!(stdout, [0; 1024]);
}

#[test]
fn an_ordinary_user_exports_the_same_without_owners_and_no_device_nodes() {
    if mine().is_some() {
        let device = Kind::CharDevice { major: 1, minor: 3 };
        let hands =
            Hands(vec![Hand::default().put("dev", Kind::Directory, 0o755).put("dev/null", device, 0o666)]);
        let world = World::of(&hands);
        let to = world.scratch.path().join("rootfs");
        let error =
            export(&world.store, &world.set, &Output::Local(to.clone(), Split::Auto), &mut Vec::new());
        let error = error.expect_err("refused").to_string();
        assert!(error.contains("/dev/null is a device node") && error.contains("type=tar"), "{error}");
        assert!(!to.exists());
        return;
    }
    let scratch = scratch();
    chown(scratch.path(), Some(65_534), Some(65_534)).expect("root");
    // The test program itself may lie where another user cannot go.
    let program = scratch.path().join("it");
    fs::copy(std::env::current_exe().expect("known"), &program).expect("copied");
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"])
        .arg(&program)
        .args(["--test-threads=1", "export_rootfs::", "export_image::", "--skip", "full_disk"])
        .env("RBUILD_TEST_DIR", scratch.path())
        .env("HOME", scratch.path())
        .env_remove("RBUILD_REQUIRE")
        .current_dir(scratch.path())
        .output();
    let output = match output {
        Ok(output) => output,
        Err(e) => return skip(&format!("setpriv cannot be run: {e}")),
    };
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("test result: ok."), "{text}");
    let _ = hands();
}
