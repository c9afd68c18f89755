//! Times and modes: what moves a digest, what does not, and the options that say otherwise.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::digest;
use crate::e2e::Workshop;

const TEXT: &str = "FROM scratch\nCOPY . /c\nWORKDIR /w\n";

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn modified(path: &Path, seconds: u64, nanos: u32) {
    let time = std::time::UNIX_EPOCH + std::time::Duration::new(seconds, nanos);
    std::fs::File::open(path).unwrap().set_modified(time).unwrap();
}

/// A checkout of one project: two files, one of them a program, in two directories.
fn checkout() -> Workshop {
    let shop = Workshop::bare();
    shop.write("Dockerfile", TEXT);
    shop.write("dir/file", "content\n");
    let program = shop.write("dir/sub/program", "#!/bin/sh\n");
    mode(&program, 0o755);
    shop
}

#[test]
fn a_checkout_under_any_umask_gives_one_digest() {
    // A umask that takes the group's and others' reading away is kept by `normalise`, which never widens.
    for (modes, umasks) in
        [("normalise", &[0o000_u32, 0o002, 0o022][..]), ("git", &[0o000, 0o002, 0o022, 0o077])]
    {
        let mut digests = std::collections::BTreeSet::new();
        for umask in umasks {
            let shop = checkout();
            for (path, full) in
                [("dir", 0o777), ("dir/sub", 0o777), ("dir/file", 0o666), ("dir/sub/program", 0o777)]
            {
                mode(&shop.context().join(path), full & !umask);
            }
            let said =
                if modes == "normalise" { shop.again(&[]) } else { shop.again(&["--context-modes", modes]) };
            digests.insert(digest(&said.ok().stderr));
        }
        // What `normalise` is said to do and no more: docs/reproducibility.md.
        assert_eq!(digests.len(), 1, "{modes}: {digests:?}");
    }
}

#[test]
fn preserve_gives_the_modes_and_times_that_docker_gives() {
    let shop = checkout();
    mode(&shop.context().join("dir/file"), 0o640);
    modified(&shop.context().join("dir/file"), 1_500_000_000, 5);
    let args = ["--context-modes", "preserve", "--layer-epoch", "preserve"];
    let image = shop.image(TEXT, &args);
    let file = &image.files["c/dir/file"];
    assert_eq!((file.mode & 0o7777, file.mtime), (0o640, 1_500_000_000));
    let variables = [("RBUILD_CONTEXT_MODES", "preserve"), ("RBUILD_LAYER_EPOCH", "preserve")];
    let flagged = shop.again(&args).ok();
    let context = shop.context().display().to_string();
    let said = shop.rbuild_with(&["build", &context], b"", &variables).ok();
    assert_eq!(digest(&said.stderr), digest(&flagged.stderr));
    let plain = shop.again(&[]).ok();
    assert_ne!(digest(&plain.stderr), digest(&flagged.stderr));
    shop.again(&["--context-modes", "other"]).fails(&["--context-modes other", "normalise"]);
}

#[test]
fn the_layer_epoch_and_the_image_epoch_are_two_things() {
    let shop = checkout();
    let layers = |args: &[&str]| {
        let image = shop.image(TEXT, args);
        let created = image.config["created"].as_str().unwrap().to_string();
        (image.config["rootfs"]["diff_ids"].to_string(), created, image.files["c/dir/file"].mtime)
    };
    let plain = layers(&[]);
    let commit = layers(&["--source-date-epoch", "1600000000"]);
    assert_eq!(plain.0, commit.0, "a new commit does not move a layer");
    assert_eq!(commit.1, "2020-09-13T12:26:40Z");
    let fixed = layers(&["--layer-epoch", "1234567890"]);
    assert_eq!((fixed.1, fixed.2), (plain.1, 1_234_567_890));
    let source = layers(&["--layer-epoch", "source", "--source-date-epoch", "1600000000"]);
    assert_eq!(source.2, 1_600_000_000);
    // The same through the environment.
    let context = shop.context().display().to_string();
    for (args, variable) in [
        (["--source-date-epoch", "1600000000"], ("SOURCE_DATE_EPOCH", "1600000000")),
        (["--layer-epoch", "1234567890"], ("RBUILD_LAYER_EPOCH", "1234567890")),
        (["--context-modes", "git"], ("RBUILD_CONTEXT_MODES", "git")),
    ] {
        let flag = digest(&shop.again(&args).ok().stderr);
        let said = shop.rbuild_with(&["build", &context], b"", &[variable]).ok();
        assert_eq!(digest(&said.stderr), flag, "{variable:?}");
    }
}

/// Each thing that a copy of the same files on another machine may have otherwise.
#[test]
fn what_is_no_content_does_not_move_the_digest() {
    let shop = checkout();
    shop.write("dir/zeros", vec![0_u8; 1 << 20]);
    shop.write("dir/twin", "content\n");
    let want = digest(&shop.again(&["--no-cache"]).ok().stderr);
    let context = shop.context();
    let same = |what: &str| {
        let said = shop.again(&["--no-cache"]).ok();
        assert_eq!(digest(&said.stderr), want, "{what}");
        let said = shop.again(&[]).ok();
        assert_eq!(digest(&said.stderr), want, "{what}, from the cache");
    };
    for (what, seconds, nanos) in [
        ("the year 1970", 0, 0),
        ("an old time", 1, 0),
        ("nanoseconds", 1_700_000_000, 123_456_789),
        ("the future", 4_000_000_000, 1),
    ] {
        for path in ["dir/file", "dir/sub/program", "dir", "."] {
            modified(&context.join(path), seconds, nanos);
        }
        same(what);
    }
    std::fs::remove_file(context.join("dir/twin")).unwrap();
    std::fs::hard_link(context.join("dir/file"), context.join("dir/twin")).unwrap();
    same("a hard link");
    let zeros = context.join("dir/zeros");
    std::fs::remove_file(&zeros).unwrap();
    std::fs::File::create(&zeros).unwrap().set_len(1 << 20).unwrap();
    same("a sparse file");
    let set = rustix::fs::setxattr(
        context.join("dir/file"),
        "user.rbuild-test",
        b"value",
        rustix::fs::XattrFlags::empty(),
    );
    if set.is_ok() {
        same("an extended attribute");
    }
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(context.join("dir/file"), Some(12), Some(34)).unwrap();
        same("an owner");
    }
    // And one that is content does.
    shop.write("dir/file", "CONTENT\n");
    assert_ne!(digest(&shop.again(&[]).ok().stderr), want);
}

#[test]
fn the_place_and_the_environment_of_a_build_do_not_move_the_digest() {
    let first = checkout();
    let want = digest(&first.again(&[]).ok().stderr);
    let second = checkout();
    let mut command = Command::new("sh");
    command.arg("-c").arg("umask 077; cd /; exec \"$@\"").arg("sh").arg(env!("CARGO_BIN_EXE_rbuild"));
    command.args(["build", "--jobs", "1"]).arg(second.context());
    command.env("RBUILD_ROOT", second.store()).env("LC_ALL", "tr_TR.UTF-8").env("TZ", "Asia/Kathmandu");
    assert_eq!(digest(&crate::e2e::finish(command, b"").ok().stderr), want);
}
