//! A container as Kubernetes and Docker start one, by runc, with the program in it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::e2e::{PROGRAM, Said, Workshop, can_run, finish, tools};
use crate::snapshot_fixture::skip;

/// What Docker and containerd give to root of a container.
const CAPABILITIES: &[&str] = &[
    "CHOWN",
    "DAC_OVERRIDE",
    "FSETID",
    "FOWNER",
    "MKNOD",
    "NET_RAW",
    "SETGID",
    "SETUID",
    "SETFCAP",
    "SETPCAP",
    "NET_BIND_SERVICE",
    "SYS_CHROOT",
    "KILL",
    "AUDIT_WRITE",
];

/// The first id outside of a pod that has its own.
const FIRST_ID: u32 = 400_000;

/// How a container is confined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Kubernetes' default: Docker's capabilities and no filter.
    Plain,
    /// The same with `hostUsers: false`.
    OwnUsers,
    /// Docker's default, or a kubelet with `seccompDefault`: a filter that forbids namespaces and mounts.
    Filtered,
    /// CRI-O's default: fewer capabilities.
    FewCapabilities,
}

/// A workshop that is a volume of a container.
pub struct Pod {
    pub shop: Workshop,
    /// Not in the volume: a pod does not see its own root from outside, with a whole `/proc` in it.
    bundle: tempfile::TempDir,
    profile: Profile,
}

impl Pod {
    /// A container with an empty store, into which a busybox is imported as `busybox`; none, loudly, where there can be none.
    pub fn new(profile: Profile) -> Option<Pod> {
        if !rustix::process::geteuid().is_root() {
            skip("starting containers takes root");
            return None;
        }
        if !can_run() || !tools(&["runc", "busybox"]) {
            return None;
        }
        let pod = Pod { shop: Workshop::bare(), bundle: crate::snapshot_fixture::scratch(), profile };
        pod.shop.write_at("busybox.tar", crate::e2e::busybox());
        for directory in ["bin", "dev", "etc", "lib", "lib64", "proc", "sys", "tmp", "usr", "vol"] {
            std::fs::create_dir_all(pod.at("rootfs").join(directory)).unwrap();
        }
        std::fs::write(pod.at("rootfs/bin/rbuild"), "").unwrap();
        let busybox = ["/bin/busybox", "/usr/bin/busybox"].into_iter().find(|path| Path::new(path).is_file());
        std::fs::copy(busybox.unwrap(), pod.at("rootfs/bin/busybox")).unwrap();
        pod.own();
        pod.rbuild(&["import", "/vol/busybox.tar", "busybox"]).ok();
        Some(pod)
    }

    /// The program in the container, with these arguments.
    pub fn rbuild(&self, arguments: &[&str]) -> Said {
        self.run(&[&["/bin/rbuild"], arguments].concat())
    }

    /// A command in the container; the workshop is at `/vol`.
    pub fn run(&self, arguments: &[&str]) -> Said {
        self.own();
        std::fs::write(self.at("config.json"), serde_json::to_vec(&self.config(arguments)).unwrap()).unwrap();
        let name = self.bundle.path().file_name().unwrap().to_string_lossy().into_owned();
        let mut command = Command::new("runc");
        command
            .arg("--root")
            .arg(self.at("state"))
            .args(["run", "--bundle"])
            .arg(self.bundle.path())
            .arg(&name);
        finish(command, b"")
    }

    fn at(&self, path: &str) -> PathBuf {
        self.bundle.path().join(path)
    }

    // A pod with ids of its own owns its volume.
    fn own(&self) {
        if self.profile == Profile::OwnUsers {
            let places = [self.shop.at(""), self.bundle.path().to_path_buf()];
            for entry in places.iter().flat_map(walkdir::WalkDir::new).filter_map(Result::ok) {
                let metadata = entry.path().symlink_metadata().unwrap();
                if std::os::unix::fs::MetadataExt::uid(&metadata) == 0 {
                    std::os::unix::fs::lchown(entry.path(), Some(FIRST_ID), Some(FIRST_ID)).unwrap();
                }
            }
        }
    }

    // SPEC: runtime-spec config.md.
    fn config(&self, arguments: &[&str]) -> Value {
        let own_users = self.profile == Profile::OwnUsers;
        let capabilities: Vec<String> = CAPABILITIES
            .iter()
            .filter(|name| {
                self.profile != Profile::FewCapabilities || !["SYS_CHROOT", "SETFCAP"].contains(name)
            })
            .map(|name| format!("CAP_{name}"))
            .collect();
        let mut namespaces = vec!["pid", "ipc", "uts", "mount"];
        if own_users {
            // Without one the kernel gives no sysfs.
            namespaces.extend(["user", "network"]);
        }
        let bind = |source: &str, to: &str, mode: &str| json!({"destination": to, "type": "bind", "source": source, "options": ["rbind", mode]});
        let mount = |to: &str, kind: &str, options: &[&str]| json!({"destination": to, "type": kind, "source": kind, "options": options});
        let inert = ["nosuid", "noexec", "nodev"];
        let mut linux = json!({
            "namespaces": namespaces.iter().map(|kind| json!({"type": kind})).collect::<Vec<_>>(),
            // Those of containerd.
            "maskedPaths": [
                "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
                "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
            ],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        });
        if own_users {
            let map = json!([{"containerID": 0, "hostID": FIRST_ID, "size": 65536}]);
            linux["uidMappings"] = map.clone();
            linux["gidMappings"] = map;
        }
        if self.profile == Profile::Filtered {
            // Of Moby's profile what it says of namespaces and mounts.
            let calls = ["unshare", "setns", "mount", "umount2", "fsopen", "open_tree", "move_mount"];
            let any = json!({"names": calls, "action": "SCMP_ACT_ERRNO", "errnoRet": 1});
            let refused = json!({"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38});
            // CLONE_NEWUSER among the flags.
            let user = json!({
                "index": 0, "value": 0x1000_0000, "valueTwo": 0x1000_0000, "op": "SCMP_CMP_MASKED_EQ"
            });
            let namespaces =
                json!({"names": ["clone"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "args": [user]});
            linux["seccomp"] =
                json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [any, namespaces, refused]});
        }
        let (shop, program) = (self.shop.arg(""), PROGRAM);
        json!({
            "ociVersion": "1.0.2",
            "process": {
                "user": {"uid": 0, "gid": 0},
                "args": arguments,
                "env": ["PATH=/bin", "HOME=/vol", "RBUILD_ROOT=/vol/store"],
                "cwd": "/vol",
                "capabilities": {
                    "bounding": capabilities, "effective": capabilities, "permitted": capabilities
                },
            },
            "root": {"path": "rootfs"},
            "hostname": "pod",
            "mounts": [
                mount("/proc", "proc", &[]),
                mount("/dev", "tmpfs", &["nosuid", "mode=755", "size=65536k"]),
                mount("/dev/pts", "devpts", &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
                mount("/dev/shm", "tmpfs", &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
                mount("/sys", "sysfs", &[&inert[..], &["ro"]].concat()),
                bind("/usr", "/usr", "ro"),
                bind("/lib", "/lib", "ro"),
                bind("/lib64", "/lib64", "ro"),
                bind(program, "/bin/rbuild", "ro"),
                bind(&shop, "/vol", "rw"),
            ],
            "linux": linux,
        })
    }
}
