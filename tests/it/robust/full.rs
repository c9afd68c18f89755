//! Full disks, read-only stores, few descriptors: one clear message, nothing half-written, and the next build is fine.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Command;

use rbuild::sys::overlay::{Form, Overlay};
use rustix::io::Errno;

use super::{digest, warnings};
use crate::e2e::Workshop;
use crate::snapshot_fixture::skip;

/// A file system of a few kilobytes.
struct Small(PathBuf);

impl Small {
    fn mount(at: PathBuf, kilobytes: u32) -> Option<Small> {
        std::fs::create_dir_all(&at).unwrap();
        let small = Small(at);
        if !rustix::process::geteuid().is_root() || !small.sized(kilobytes, "") {
            skip("a small file system needs root and mount");
            return None;
        }
        Some(small)
    }

    fn sized(&self, kilobytes: u32, remount: &str) -> bool {
        self.mounted(&format!("{remount}size={kilobytes}k"))
    }

    fn mounted(&self, options: &str) -> bool {
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", options, "none"]).arg(&self.0);
        command.status().is_ok_and(|status| status.success())
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

// No `ls -l`: it shows the minute of a file that the RUN made. No `;`: a command that met the end of the disk must fail.
const TEXT: &str = "FROM busybox AS one\nWORKDIR /w\nCOPY . ./\nRUN cat f* > all && stat -c '%n %a %s' * > list\nFROM busybox\n\
                    COPY --from=one /w /w\nRUN cp -r /w /v\n";

/// What a message about a full disk must have: which place, and what to do.
#[track_caller]
fn is_clear(stderr: &str, kilobytes: u32) {
    let error = stderr.lines().filter(|line| line.starts_with("ERROR") || line.starts_with("rbuild:"));
    let error: Vec<&str> = error.collect();
    assert_eq!(error.len(), 1, "{kilobytes}k: {stderr}");
    // Either the store says so, or a command in a RUN met the end of the disk itself.
    let of_store = error[0].contains("no space left")
        && error[0].contains("/small/")
        && error[0].contains("rbuild prune");
    let of_run = error[0].contains("did not complete") && stderr.contains("No space left on device");
    assert!(of_store || of_run, "{kilobytes}k: {stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
}

#[test]
fn a_store_that_fills_up_at_each_write_in_turn_says_so_and_recovers() {
    let Some(shop) = Workshop::new() else { return };
    for index in 0..20 {
        shop.write(&format!("f{index}"), format!("{index} {}\n", "x".repeat(5000)));
    }
    let first = shop.build(TEXT, &["-o", &format!("type=oci,dest={}", shop.arg("first.tar"))]).ok();
    let want = digest(&first.stderr);
    let Some(small) = Small::mount(shop.at("small"), 64) else { return };
    let store = small.path().join("store");
    let out = shop.at("out/x.tar");
    let output = format!("type=oci,dest={}", out.display());
    let build = || {
        let mut command = shop.command();
        command.env("RBUILD_ROOT", &store).args(["build", "-o", &output]).arg(shop.context());
        crate::e2e::finish(command, b"")
    };
    let import = || {
        let mut command = shop.command();
        command.env("RBUILD_ROOT", &store).args(["import", &shop.arg("busybox.tar"), "busybox"]);
        crate::e2e::finish(command, b"")
    };
    let (mut failed, mut passed) = (0, 0);
    let mut kilobytes = 64;
    while passed < 2 {
        assert!(kilobytes < 40_000, "never enough room");
        let _ = std::fs::remove_dir_all(&store);
        assert!(small.sized(kilobytes, "remount,"));
        let said = import();
        let said = if said.code == Some(0) { build() } else { said };
        match said.code {
            Some(0) => {
                passed += 1;
                assert_eq!(digest(&said.stderr), want);
            }
            Some(1) => {
                failed += 1;
                is_clear(&said.stderr, kilobytes);
                assert!(
                    !out.parent().unwrap().exists()
                        || std::fs::read_dir(out.parent().unwrap()).unwrap().count() == 0
                );
            }
            other => panic!("{kilobytes}k: {other:?} {}", said.stderr),
        }
        // With room, the same store goes on.
        assert!(small.sized(60_000, "remount,"));
        import().ok();
        let after = build().ok();
        assert_eq!(digest(&after.stderr), want, "{kilobytes}k");
        assert_eq!(warnings(&after.stderr), Vec::<&str>::new(), "{kilobytes}k");
        std::fs::remove_file(&out).unwrap();
        kilobytes += if kilobytes < 400 { 112 } else { 300 };
    }
    assert!(failed >= 8, "{failed}");
}

#[test]
fn an_output_that_does_not_fit_is_said_by_path_and_leaves_nothing() {
    let Some(shop) = Workshop::new() else { return };
    let Some(small) = Small::mount(shop.at("small"), 256) else { return };
    let path = small.path().display().to_string();
    let outputs = ["type=oci,dest=PATH/x.tar", "type=docker,dest=PATH/x.tar", "type=tar,dest=PATH/x.tar"];
    for output in outputs {
        let said = shop.build("FROM busybox\n", &["-o", &output.replace("PATH", &path)]);
        said.fails(&[&path, "No space left on device"]);
        assert_eq!(std::fs::read_dir(small.path()).unwrap().count(), 0, "{output}");
    }
    for output in ["type=oci,tar=false,dest=PATH/x", "type=local,dest=PATH/x"] {
        let said = shop.build("FROM busybox\n", &["-o", &output.replace("PATH", &path)]);
        said.fails(&[&path, "No space left on device"]);
        assert!(!small.path().join("x/index.json").exists(), "{output}");
        let _ = std::fs::remove_dir_all(small.path().join("x"));
    }
    assert!(small.sized(20_000, "remount,"));
    shop.build("FROM busybox\n", &["-o", &format!("type=oci,dest={path}/x.tar")]).ok();
}

#[test]
fn a_store_on_a_read_only_file_system_is_said_by_path() {
    let Some(shop) = Workshop::new() else { return };
    let Some(small) = Small::mount(shop.at("small"), 30_000) else { return };
    let store = small.path().join("store");
    let run = |args: &[&str]| {
        let mut command = shop.command();
        command.env("RBUILD_ROOT", &store).args(args);
        crate::e2e::finish(command, b"")
    };
    let context = shop.context().display().to_string();
    shop.write("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n");
    run(&["build", &context]).ok();
    assert!(small.sized(30_000, "remount,ro,"));
    let said = run(&["build", &context]).fails(&[store.to_str().unwrap(), "Read-only file system"]);
    assert_eq!(said.stderr.lines().count(), 1, "{}", said.stderr);
    assert!(small.sized(30_000, "remount,rw,"));
    run(&["build", &context]).ok();
}

#[test]
fn few_file_descriptors_are_enough_or_are_said() {
    let Some(shop) = Workshop::new() else { return };
    shop.write("f", "file\n");
    let text = "FROM busybox AS a\nCOPY f /f\nRUN cat /f\nFROM busybox AS b\nRUN echo b > /b\nFROM busybox\n\
                COPY --from=a /f /f\nCOPY --from=b /b /b\nRUN cat /f /b\n";
    let want = digest(&shop.build(text, &[]).ok().stderr);
    let mut enough = false;
    for limit in [8, 12, 16, 24, 32, 64, 256] {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("ulimit -n {limit}; exec \"$@\"")).arg("sh");
        command
            .arg(env!("CARGO_BIN_EXE_rbuild"))
            .args(["build", "--no-cache", "--jobs", "2"])
            .arg(shop.context());
        command.env("RBUILD_ROOT", shop.store());
        let said = crate::e2e::finish(command, b"");
        match said.code {
            Some(0) => {
                assert_eq!(digest(&said.stderr), want);
                enough = true;
            }
            Some(1) => assert!(said.stderr.contains("Too many open files"), "{limit}: {}", said.stderr),
            other => panic!("{limit}: {other:?}: {}", said.stderr),
        }
    }
    assert!(enough);
    assert_eq!(digest(&shop.again(&["--no-cache"]).ok().stderr), want);
}

#[test]
fn on_a_disk_with_no_room_at_all_a_build_takes_that_of_what_nobody_needs() {
    let Some(shop) = Workshop::new() else { return };
    let Some(small) = Small::mount(shop.at("small"), 24_000) else { return };
    let store = small.path().join("store");
    shop.write("f", "1");
    let run = |args: &[&str]| {
        let mut command = shop.command();
        command.env("RBUILD_ROOT", &store).args(args);
        crate::e2e::finish(command, b"")
    };
    run(&["import", &shop.arg("busybox.tar"), "busybox"]).ok();
    let context = shop.context().display().to_string();
    let build = |text: &str, more: &[&str]| {
        let file = shop.write_at("Dockerfile", text).display().to_string();
        run(&[&["build", "-f", &file, &context], more].concat())
    };
    for pages in 0..8 {
        // Another each time: what is there already is in use.
        let old = format!("FROM busybox\nRUN head -c 1500000 /dev/urandom > /old; : {pages}\n");
        build(&old, &[]).ok();
        let filler = small.path().join("filler");
        let free = || rustix::fs::statvfs(small.path()).map(|fs| fs.f_bavail * fs.f_frsize).unwrap();
        std::fs::write(&filler, vec![1; (free() - pages * 4096) as usize]).unwrap();
        assert_eq!(free(), pages * 4096);
        let text = format!(
            "FROM busybox\nWORKDIR /w\nCOPY f .\nRUN --mount=type=cache,target=/c touch /c/{pages} && echo {pages} > /x\n"
        );
        let said = build(&text, &["-t", "new"]);
        assert_eq!(said.code, Some(0), "{pages} pages free: {}", said.stderr);
        assert_eq!(run(&["run", "new", "--", "cat", "/x"]).out(), format!("{pages}\n"));
        std::fs::remove_file(&filler).unwrap();
    }
}

#[test]
fn an_overlay_that_the_kernel_made_read_only_is_taken_for_a_full_disk() {
    let Some(shop) = Workshop::new() else { return };
    let Some(small) = Small::mount(shop.at("small"), 64) else { return };
    let form = Form::probe().unwrap();
    let mount = || {
        let open = |name: &str| {
            let directory = small.path().join(name);
            std::fs::create_dir_all(&directory).unwrap();
            OwnedFd::from(std::fs::File::open(directory).unwrap())
        };
        let overlay = Overlay::new(vec![open("lower")], open("upper"), open("work"), form).unwrap();
        overlay.mount()
    };
    // The root and the three directories are four; the kernel wants more in the work directory.
    assert!(small.mounted("remount,nr_inodes=4"));
    assert_eq!(mount().map(|mounted| mounted.is_some()), Err(Errno::NOSPC));
    assert!(small.mounted("remount,nr_inodes=40"));
    match mount() {
        Ok(Some(_)) => {}
        Ok(None) => skip("this kernel mounts an overlay only in a place"),
        Err(errno) => panic!("{errno}"),
    }
}
