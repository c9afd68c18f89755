//! What a process in the sandbox cannot do or see, and what it leaves behind.
#![allow(clippy::unwrap_used)]

use std::os::unix::fs::{MetadataExt as _, symlink};
use std::process::Command;

use rbuild::sandbox::{Access, Capabilities, Ended, Mount, MountKind, Network, Security};
use rbuild::tree::RootPath;

use crate::sandbox_world::{bind, claims, file, skip};

// Makes one call each and prints its name with the errno. Static, since the root holds nothing but busybox.
const CALLS: &str = r#"
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/socket.h>
#include <unistd.h>
static void say(const char *name, long answer) { printf("%s %d\n", name, answer < 0 ? errno : 0); }
int main(void) {
    say("unshare-user", syscall(SYS_unshare, CLONE_NEWUSER));
    say("unshare-mount", syscall(SYS_unshare, CLONE_NEWNS));
    say("clone-user", syscall(SYS_clone, CLONE_NEWUSER | 17, 0, 0, 0, 0));
    say("clone3", syscall(435, 0, 0));
    say("mount", syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, 0));
    say("keyctl", syscall(SYS_keyctl, 0, 0, 0, 0, 0));
    say("bpf", syscall(SYS_bpf, 0, 0, 0));
    say("io_uring", syscall(425, 1, 0));
    say("userfaultfd", syscall(SYS_userfaultfd, 0));
    say("perf", syscall(SYS_perf_event_open, 0, 0, 0, 0, 0));
    say("module", syscall(SYS_init_module, 0, 0, 0));
    say("kexec", syscall(SYS_kexec_load, 0, 0, 0, 0));
    say("sethostname", syscall(SYS_sethostname, "x", 1));
    say("handle", syscall(SYS_open_by_handle_at, 0, 0, 0));
    say("vsock", syscall(SYS_socket, 40, SOCK_STREAM, 0));
    say("vsock-high-bit", syscall(SYS_socket, 40L | 1L << 32, SOCK_STREAM, 0));
    say("inet", syscall(SYS_socket, AF_INET, SOCK_STREAM, 0));
    say("personality-bad", syscall(SYS_personality, 0x0040000L));
    say("personality-query", syscall(SYS_personality, 0xffffffffL));
    say("future", syscall(4000));
    say("chroot", syscall(SYS_chroot, "/"));
    return 0;
}
"#;

claims! {
    fn forbidden_calls_are_refused_and_common_ones_are_not(world) {
        std::fs::write(world.path("calls.c"), CALLS).unwrap();
        let program = world.path("lower/bin/calls");
        let built = Command::new("gcc").args(["-static", "-o"]).arg(&program).arg(world.path("calls.c")).output();
        if !built.is_ok_and(|output| output.status.success()) {
            return skip("gcc -static is needed to make the calls");
        }
        let eperm = ["unshare-user", "unshare-mount", "clone-user", "mount", "keyctl", "bpf", "io_uring",
            "userfaultfd", "perf", "module", "kexec", "sethostname", "handle", "vsock", "vsock-high-bit",
            "personality-bad"];
        let expected = |name: &str| match name {
            "clone3" | "future" => 38,
            name if eperm.contains(&name) => 1,
            _ => 0,
        };
        let outcome = world.run(&world.spec(&["calls"])).unwrap();
        assert_eq!(outcome.out.lines().count(), 21);
        for line in outcome.out.lines() {
            let (name, errno) = line.split_once(' ').unwrap();
            assert_eq!(errno, expected(name).to_string(), "{name}");
        }
    }

    fn capabilities_are_dockers_fourteen_for_root_and_none_for_others(world) {
        let mut spec = world.spec(&["grep", "^Cap", "/proc/self/status"]);
        let root = world.run(&spec).unwrap().out;
        let of = |inh: &str, prm: &str, eff: &str, bnd: &str, amb: &str| {
            format!("CapInh:\t{inh}\nCapPrm:\t{prm}\nCapEff:\t{eff}\nCapBnd:\t{bnd}\nCapAmb:\t{amb}\n")
        };
        let (none, all) = ("0000000000000000", "00000000a80425fb");
        assert_eq!(root, of(none, all, all, all, none));
        (spec.process.uid, spec.process.gid) = (1000, 1000);
        assert_eq!(world.run(&spec).unwrap().out, of(none, none, none, all, none));
        (spec.process.uid, spec.process.capabilities) = (0, Capabilities::NONE);
        assert_eq!(world.run(&spec).unwrap().out, of(none, none, none, none, none));
        let status = world.sh("grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status").out;
        assert_eq!(status, "NoNewPrivs:\t0\nSeccomp:\t2\n");
    }

    fn an_insecure_run_has_no_filter_and_may_mount(world) {
        let mut spec = world.spec(&["sh", "-c", "mount -t tmpfs none /tmp && grep ^Seccomp: /proc/self/status"]);
        spec.security = Security::Insecure;
        assert_eq!(world.run(&spec).unwrap().out, "Seccomp:\t0\n");
        spec.security = Security::Sandbox;
        assert_ne!(world.run(&spec).unwrap().exit.ended, Ended::Code(0));
    }

    fn masked_paths_are_empty_and_system_settings_cannot_be_written(world) {
        let outcome = world.sh(
            "cat /proc/kcore /proc/keys /proc/timer_list /proc/interrupts 2>/dev/null | wc -c
             ls /proc/acpi /proc/scsi /sys/firmware 2>/dev/null | grep -v : | grep -c .
             for f in /proc/sys/kernel/domainname /proc/sysrq-trigger /sys/kernel/mm/transparent_hugepage/enabled; do
                 if (echo x > $f) 2>/dev/null; then echo wrote $f; fi
             done
             mkdir /sys/fs/x 2>/dev/null && echo made",
        );
        assert_eq!(outcome.out, "0\n0\n", "{}", outcome.err);
    }

    fn the_standard_devices_work_and_there_are_no_others(world) {
        let outcome = world.sh(
            "ls /dev; head -c 3 /dev/zero | wc -c; head -c 3 /dev/urandom | wc -c; echo x > /dev/null && echo null
             echo x 2>/dev/null > /dev/full || echo full; echo shm > /dev/shm/f && cat /dev/shm/f; ls /dev/pts
             for f in fd stdin stdout stderr; do readlink /dev/$f; done; (: < /dev/ptmx) && echo ptmx",
        );
        let names = "core\nfd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n";
        let links = "/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\n";
        assert_eq!(outcome.out, format!("{names}3\n3\nnull\nfull\nshm\nptmx\n{links}ptmx\n"), "{}", outcome.err);
        assert_eq!(world.sh("ls /dev/shm").out, "");
    }

    fn only_the_own_processes_are_seen_and_no_descriptor_leaks(world) {
        let _open = std::fs::File::open("/etc/passwd").unwrap();
        let outcome = world.sh("set -- /proc/[0-9]*; echo $#; ls /proc/self/fd; readlink /proc/self/cwd; ls /");
        // The shell counts by itself: of a pipe nobody knows who has begun. ls has the directory open itself.
        assert_eq!(outcome.out, "1\n0\n1\n2\n3\n/\nbin\ndev\netc\nproc\nsys\ntmp\nwork\n");
    }

    fn nothing_of_the_hosts_tree_stays_mounted(world) {
        let script = "cd /; cd ..; cd ..; ls; ls /etc/..; cut -d' ' -f5 /proc/self/mountinfo | sort | uniq -c | sort -rn";
        let mut spec = world.spec(&["sh", "-c", script]);
        let listing = "bin\ndev\netc\nproc\nsys\ntmp\nwork\n";
        // With a file in memory too, whose own mount once kept the old root in place below it.
        for mounts in [Vec::new(), vec![file("/etc/hosts", b"hosts")]] {
            spec.mounts = mounts;
            let outcome = world.run(&spec).unwrap();
            let mounted = outcome.out.strip_prefix(&format!("{listing}{listing}")).expect("the root, twice");
            for line in mounted.lines() {
                let (count, place) = line.trim().split_once(' ').unwrap();
                let ours = ["/proc", "/dev", "/sys", "/etc/hosts"];
                assert!(place == "/" || ours.iter().any(|top| place.starts_with(top)), "{line}");
                assert_eq!(count, "1", "{line}");
            }
        }
    }

    fn a_working_directory_behind_a_magic_link_is_refused(world) {
        for number in 0..30 {
            let mut spec = world.spec(&["true"]);
            spec.process.cwd = RootPath::clean(format!("/proc/self/fd/{number}")).unwrap();
            assert!(world.run(&spec).is_err(), "{number}");
        }
    }

    fn without_a_network_there_is_loopback_alone(world) {
        let mut spec = world.spec(&["sh", "-c", "ls /proc/sys/net/ipv4/conf; ip addr show lo | grep -c 'inet 127'"]);
        spec.network = Network::None;
        let outcome = world.run(&spec).unwrap();
        assert_eq!(outcome.out, "all\ndefault\nlo\n1\n", "{}", outcome.err);
    }

    fn mount_points_that_were_made_are_gone_afterwards(world) {
        let mut spec = world.spec(&["sh", "-c", "cat /etc/hosts /run/secrets/key /data/f; echo kept > /kept"]);
        std::fs::create_dir(world.path("data")).unwrap();
        std::fs::write(world.path("data/f"), "f\n").unwrap();
        spec.mounts = vec![
            file("/etc/hosts", b"hosts\n"),
            file("/run/secrets/key", b"secret\n"),
            bind("/data", &world.path("data"), Access::ReadOnly),
        ];
        let before = std::fs::metadata(world.path("lower/etc")).unwrap();
        let outcome = world.run(&spec).unwrap();
        assert_eq!(outcome.out, "hosts\nsecret\nf\n", "{}", outcome.err);
        let stubs: Vec<_> = outcome.exit.stubs.iter().map(|path| String::from_utf8_lossy(path.as_bytes())).collect();
        let expected = ["data", "dev", "etc/hosts", "proc", "run", "run/secrets", "run/secrets/key", "sys"];
        assert_eq!(stubs, expected);
        // `etc` was copied up for its stub, and is again what it was.
        assert_eq!(world.changed(), ["etc", "kept"]);
        let after = std::fs::metadata(world.path("upper/etc")).unwrap();
        assert_eq!((after.mtime(), after.mtime_nsec()), (before.mtime(), before.mtime_nsec()));
    }

    fn a_parent_of_a_mount_point_that_becomes_a_link_leads_nowhere(world) {
        // CVE-2024-23652: what is cleaned up must be what was made.
        std::fs::create_dir(world.path("victim")).unwrap();
        std::fs::write(world.path("victim/key"), "").unwrap();
        let script = format!("umount /a/key; rm -rf /a; ln -s {} /a", world.path("victim").display());
        let mut spec = world.spec(&["sh", "-c", &script]);
        spec.security = Security::Insecure;
        spec.mounts = vec![file("/a/key", b"secret")];
        world.run(&spec).unwrap();
        assert!(world.path("victim/key").exists());
        assert!(world.path("upper/a").is_symlink());
    }

    fn links_in_the_root_do_not_lead_a_mount_outside(world) {
        let outside = world.path("outside");
        std::fs::create_dir(&outside).unwrap();
        symlink(&outside, world.path("lower/away")).unwrap();
        symlink("../run/resolve/resolv.conf", world.path("lower/etc/resolv.conf")).unwrap();
        let mut spec = world.spec(&["cat", "/away/f", "/etc/resolv.conf"]);
        spec.mounts = vec![file("/away/f", b"1"), file("/etc/resolv.conf", b"2")];
        let outcome = world.run(&spec).unwrap();
        assert_eq!(outcome.out, "12", "{}", outcome.err);
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
        // The places where the sandbox mounts its own file systems must be no links at all.
        for name in ["proc", "dev", "sys"] {
            let link = world.path("lower").join(name);
            symlink(&outside, &link).unwrap();
            let error = world.run(&world.spec(&["true"])).err().unwrap().to_string();
            assert!(error.contains(&format!("/{name}")) && error.contains("not a link"), "{error}");
            std::fs::remove_file(&link).unwrap();
        }
        let mut spec = world.spec(&["true"]);
        spec.mounts = vec![file("/proc/version", b"x")];
        assert!(world.run(&spec).err().unwrap().to_string().contains("inside /proc"));
    }

    fn binds_overlays_and_memory_directories_keep_their_promises(world) {
        for name in ["data", "cache", "ov-upper", "ov-work", "ro-upper", "ro-work"] {
            std::fs::create_dir(world.path(name)).unwrap();
        }
        std::fs::write(world.path("data/f"), "old").unwrap();
        let at = |target: &str, kind| Mount { target: RootPath::clean(target).unwrap(), kind };
        let mut overlay = world.overlay("ov-upper", "ov-work");
        overlay.lower = vec![rbuild::sandbox::Directory::Path(world.path("data"))];
        let mut fixed = world.overlay("ro-upper", "ro-work");
        fixed.lower = vec![rbuild::sandbox::Directory::Path(world.path("data"))];
        let script = "echo x 2>/dev/null > /ro/f || echo refused; echo new > /rw/f; cat /rw/f; echo c > /cache/c
             echo x 2>/dev/null > /fixed/f || cat /fixed/f; echo t > /mem/t; stat -c %a /mem; echo deep > /cache/deep/f";
        let mut spec = world.spec(&["sh", "-c", script]);
        spec.mounts = vec![
            bind("/ro", &world.path("data"), Access::ReadOnly),
            at("/rw", MountKind::Overlay { root: overlay, access: Access::ReadWrite }),
            at("/fixed", MountKind::Overlay { root: fixed, access: Access::ReadOnly }),
            bind("/cache", &world.path("cache"), Access::ReadWrite),
            at("/mem", MountKind::Tmpfs { size: Some(1 << 20), mode: 0o1777, access: Access::ReadWrite }),
            at("/cache/deep", MountKind::Tmpfs { size: None, mode: 0o755, access: Access::ReadWrite }),
        ];
        let outcome = world.run(&spec).unwrap();
        assert_eq!(outcome.out, "refused\nnew\nold1777\n", "{}", outcome.err);
        // CVE-2025-4953: writes to a bind mount whose writes are thrown away do not reach the host's directory.
        assert_eq!(std::fs::read_to_string(world.path("data/f")).unwrap(), "old");
        assert_eq!(std::fs::read_to_string(world.path("cache/c")).unwrap(), "c\n");
        assert!(!world.path("cache/deep/f").exists());
        assert!(world.changed().is_empty(), "{:?}", world.changed());
    }

    fn an_empty_root_and_a_failing_start_leave_nothing(world) {
        let mut spec = world.spec(&["true"]);
        spec.root.lower = Vec::new();
        let error = world.run(&spec).err().unwrap().to_string();
        assert!(error.contains("not found"), "{error}");
        assert!(world.changed().is_empty(), "{:?}", world.changed());
        let left = std::fs::read_dir(world.path("")).unwrap().count();
        assert_eq!(left, 3, "lower, upper and work");
    }

    fn the_next_run_may_use_the_last_ones_upper_directory_as_a_lower_one(world) {
        for round in 0..10 {
            world.sh("echo 1 > /one; rm -rf /tmp; mkdir /tmp; echo 2 > /tmp/two");
            for name in ["next-upper", "next-work", "saved"] {
                let _ = std::fs::remove_dir_all(world.path(name));
            }
            std::fs::rename(world.path("upper"), world.path("saved")).unwrap();
            std::fs::create_dir(world.path("next-upper")).unwrap();
            std::fs::create_dir(world.path("next-work")).unwrap();
            let mut spec = world.spec(&["sh", "-c", "cat /one /tmp/two; ls /tmp"]);
            let lower = ["saved", "lower"].map(|name| rbuild::sandbox::Directory::Path(world.path(name)));
            spec.root = world.overlay("next-upper", "next-work");
            spec.root.lower = lower.into();
            assert_eq!(world.run(&spec).unwrap().out, "1\n2\ntwo\n", "{round}");
        }
    }

    fn a_root_of_many_layers_works(world) {
        let mut lower = Vec::new();
        for number in 0..300 {
            let layer = world.path(&format!("layers/with-a-rather-long-name-to-fill-a-page-{number}"));
            std::fs::create_dir_all(&layer).unwrap();
            std::fs::write(layer.join(format!("f{number}")), "").unwrap();
            lower.push(rbuild::sandbox::Directory::Path(layer));
        }
        lower.push(rbuild::sandbox::Directory::Path(world.path("lower")));
        let mut spec = world.spec(&["sh", "-c", "ls / | grep -c ^f"]);
        spec.root.lower = lower;
        assert_eq!(world.run(&spec).unwrap().out, "300\n");
    }
}
