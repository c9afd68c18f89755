//! The power goes at any moment: what is on the disk then is what was there before, or whole.
//!
//! A build works on an ext4 in a file; a cut is a copy of that file which shares its blocks, taken in one moment while the
//! build goes on. The copy is mounted as after a restart: with the journal replayed, and another boot's id.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{digest, unique, warnings};
use crate::e2e::{Said, Workshop, busybox, finish, tools};
use crate::store_share::skip;

const STEPS: &str = "FROM busybox AS one\nWORKDIR /w\nCOPY . ./\nRUN cat f* > all\n\
                     RUN --mount=type=cache,target=/c echo 1 >> /c/now; ls /w > /list\n\
                     RUN for k in $(seq 200); do echo $k > /s$k; done\n\
                     FROM busybox\nCOPY --from=one /w/all /list /\nRUN mkdir /d && cp /all /d && rm /all\n";

/// File systems in files, below a directory of their own.
struct Disks {
    home: tempfile::TempDir,
}

impl Disks {
    /// An XFS, whose files can share blocks, and in it an ext4 called `base`.
    fn new() -> Option<Disks> {
        if !tools(&["mkfs.xfs", "mkfs.ext4", "losetup", "mount", "umount", "unshare"]) {
            return None;
        }
        if !rustix::process::geteuid().is_root() {
            skip("file systems are mounted by root alone");
            return None;
        }
        let disks = Disks { home: tempfile::tempdir().unwrap() };
        for directory in ["below", "disk"] {
            std::fs::create_dir(disks.at(directory)).unwrap();
        }
        std::fs::File::create(disks.at("below.img")).unwrap().set_len(3 << 30).unwrap();
        did(Command::new("mkfs.xfs").args(["-q", "-m", "reflink=1"]).arg(disks.at("below.img")));
        mount(&disks.at("below.img"), &disks.at("below"));
        std::fs::File::create(disks.at("below/base")).unwrap().set_len(600 << 20).unwrap();
        let at_once = "lazy_itable_init=0,lazy_journal_init=0";
        did(Command::new("mkfs.ext4").args(["-q", "-E", at_once]).arg(disks.at("below/base")));
        disks.insert("base");
        Some(disks)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.home.path().join(path)
    }

    /// Mounts the ext4 of that name where builds look for it.
    fn insert(&self, name: &str) {
        mount(&self.at("below").join(name), &self.at("disk"));
    }

    /// Takes it away, whatever is not on it yet.
    fn eject(&self) {
        did(Command::new("umount").arg("-l").arg(self.at("disk")));
    }

    /// What `from` is at this moment, as `to`.
    fn copy(&self, from: &str, to: &str) {
        let below = self.at("below");
        let _ = std::fs::remove_file(below.join(to));
        did(Command::new("cp").arg("--reflink=always").arg(below.join(from)).arg(below.join(to)));
    }
}

impl Drop for Disks {
    fn drop(&mut self) {
        for directory in ["disk", "below"] {
            let _ = Command::new("umount").arg("-l").arg(self.at(directory)).output();
        }
    }
}

fn mount(image: &Path, at: &Path) {
    did(Command::new("mount").args(["-o", "loop"]).arg(image).arg(at));
}

fn did(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// `rbuild` as it is after a restart: `boot` holds the id of another boot.
fn restarted(shop: &Workshop, store: &Path, boot: &Path, args: &[&str]) -> Said {
    let mut command = shop.command();
    let program = command.get_program().to_owned();
    let script = "mount --bind \"$0\" /proc/sys/kernel/random/boot_id; exec \"$@\"";
    let mut restarted = Command::new("unshare");
    restarted.env_clear().args(["--mount", "sh", "-ec", script]).arg(boot).arg(program).args(args);
    for (name, value) in command.env("RBUILD_ROOT", store).get_envs() {
        restarted.env(name, value.unwrap_or_default());
    }
    finish(restarted, b"")
}

#[test]
#[ignore = "needs loop devices and an XFS: make test-full"]
fn after_a_power_cut_there_is_what_was_before_or_all_of_it() {
    let (Some(disks), Some(shop)) = (Disks::new(), Workshop::new()) else { return };
    for index in 0..300 {
        shop.write(&format!("f{index}"), format!("{index}\n").repeat(700));
    }
    let boot = shop.write_at("boot", "11111111-2222-3333-4444-555555555555\n");
    let dockerfile = shop.write_at("steps", STEPS).display().to_string();
    let (store, out) = (disks.at("disk/store"), disks.at("disk/out.tar"));
    let (output, context) =
        (format!("type=oci,dest={}", out.display()), shop.context().display().to_string());
    let args = ["build", "--progress", "plain", "-f", &dockerfile, "-t", "it", "-o", &output, &context];
    let command = |args: &[&str]| {
        let mut command = shop.command();
        command.env("RBUILD_ROOT", &store).args(args);
        command
    };
    let base = shop.write_at("base.tar", busybox()).display().to_string();
    finish(command(&["import", &base, "busybox"]), b"").ok();
    did(Command::new("sync").arg("-f").arg(&store));
    disks.eject();

    disks.copy("base", "work");
    disks.insert("work");
    let start = std::time::Instant::now();
    let said = finish(command(&args), b"").ok();
    let (usual, want, bytes) = (start.elapsed(), digest(&said.stderr), std::fs::read(&out).unwrap());
    let cached = finish(command(&args), b"").ok().stderr.matches("CACHED").count();
    assert!(cached > 4, "a second build does nothing");
    disks.eject();

    let (rounds, mut cut) = (40_u32, 0);
    for round in 0..rounds {
        disks.copy("base", "work");
        disks.insert("work");
        let mut running = super::Running::start(command(&args), &shop.at(&unique()));
        // Everywhere in a build, and in each fourth round the moment after its end.
        let is_over = round % 4 == 0;
        if is_over {
            assert_eq!(running.end().0, Some(0), "round {round}");
        } else {
            std::thread::sleep(usual.mul_f64(1.1) * round / rounds);
            cut += u32::from(running.child.try_wait().unwrap().is_none());
        }
        disks.copy("work", "cut");
        if running.child.try_wait().unwrap().is_none() {
            running.signal(rustix::process::Signal::KILL);
            running.end();
        }
        disks.eject();
        disks.insert("cut");
        match std::fs::read(&out) {
            Ok(found) => assert!(found == bytes, "round {round}: half an output, {} bytes", found.len()),
            Err(_) => assert!(!is_over, "round {round}: the output is lost"),
        }
        if is_over {
            let copied = format!("oci-archive:{}", disks.at("disk/copied.tar").display());
            let said = restarted(&shop, &store, &boot, &["copy", "it", &copied]).ok();
            assert_eq!(warnings(&said.stderr), Vec::<&str>::new(), "round {round}");
        }
        let said = restarted(&shop, &store, &boot, &args).ok();
        assert_eq!(digest(&said.stderr), want, "round {round}");
        assert!(std::fs::read(&out).unwrap() == bytes, "round {round}: another archive");
        if is_over {
            assert_eq!(said.stderr.matches("CACHED").count(), cached, "round {round}: {}", said.stderr);
        }
        disks.eject();
    }
    assert!(cut > rounds / 3, "only {cut} of {rounds} were at work");
}
