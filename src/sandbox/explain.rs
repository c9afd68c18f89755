//! From the step at which the child stopped to an error that a person can act on.

use super::error::{Error, ExecFailure};
use super::lookup::is_bare;
use super::masks::In;
use super::prepared::Prepared;
use super::spec::{MountKind, Resource, Spec};
use super::steps::{Step, Stopped};
use crate::sys::exec;
use crate::sys::rustix::io::Errno;

const PROC_HINT: &str = "\n/proc is covered in part here, as in a container, so the kernel gives no fresh one\n\
                         fix: --security-opt systempaths=unconfined (Docker), procMount: Unmasked (Kubernetes)";
const OVERLAY_HINT: &str = "\nfix: put the store (RBUILD_ROOT) on a local file system that can hold an overlay: ext4, xfs, \
                            btrfs or tmpfs; not NFS, and not a container's own root";

pub(super) fn explain(stopped: Stopped, prepared: &Prepared, spec: &Spec) -> Error {
    match stopped {
        Stopped::Exec(failure) => {
            let command = spec.process.argv.first().map(Vec::as_slice).unwrap_or_default();
            let why = match failure {
                exec::ExecFailure::NotFound if is_bare(command) => ExecFailure::NotInPath,
                exec::ExecFailure::NotFound => ExecFailure::NotFound,
                exec::ExecFailure::NoInterpreter => ExecFailure::NoInterpreter,
                exec::ExecFailure::Refused(errno) => ExecFailure::Refused(errno),
            };
            Error::Exec { command: String::from_utf8_lossy(command).into_owned(), why }
        }
        Stopped::At(step, errno) => at(step, errno, prepared, spec),
    }
}

fn at(step: Step, errno: Errno, prepared: &Prepared, spec: &Spec) -> Error {
    let (words, hint) = match step {
        Step::WorkingDirectory => {
            let path = prepared.cwd.to_string_lossy().into_owned();
            return Error::WorkingDirectory { path, errno };
        }
        Step::User if errno == Errno::INVAL => return unmapped(format!("user {}", spec.process.uid), errno),
        Step::Group if errno == Errno::INVAL => {
            return unmapped(format!("group {}", spec.process.gid), errno);
        }
        Step::Groups if errno == Errno::INVAL => {
            return unmapped(format!("groups {:?}", spec.process.groups), errno);
        }
        Step::MountPoint(index) => return mount_point(index, errno, spec),
        Step::Mount(index) => (format!("mount {}", mount_name(index, spec)), ""),
        Step::MountNamespace => ("unshare(CLONE_NEWNS)".to_owned(), ""),
        Step::Propagation => ("make mounts private".to_owned(), ""),
        Step::OldRoot => ("open /".to_owned(), ""),
        Step::MemoryFiles => ("mount a tmpfs for files in memory".to_owned(), ""),
        Step::Root if matches!(errno, Errno::NOSPC | Errno::DQUOT) => return Error::Full,
        Step::Root => ("mount the root overlay".to_owned(), OVERLAY_HINT),
        Step::Proc if errno == Errno::LOOP || errno == Errno::NOTDIR => {
            return not_a_directory("/proc", "proc", errno);
        }
        Step::Dev if errno == Errno::LOOP || errno == Errno::NOTDIR => {
            return not_a_directory("/dev", "tmpfs", errno);
        }
        Step::Sys if errno == Errno::LOOP || errno == Errno::NOTDIR => {
            return not_a_directory("/sys", "sysfs", errno);
        }
        Step::Proc => ("mount /proc".to_owned(), if errno == Errno::PERM { PROC_HINT } else { "" }),
        Step::Dev => ("mount /dev".to_owned(), ""),
        Step::Device(index) => {
            let name = prepared
                .devices
                .get(index)
                .map_or_else(String::new, |d| d.name.to_string_lossy().into_owned());
            (format!("make /dev/{name}"), "")
        }
        Step::Terminals => ("mount /dev/pts".to_owned(), ""),
        Step::SharedMemory => ("mount /dev/shm".to_owned(), ""),
        Step::MessageQueues => ("mount /dev/mqueue".to_owned(), ""),
        Step::DeviceLinks => ("make the links in /dev".to_owned(), ""),
        Step::Sys => ("mount /sys".to_owned(), ""),
        Step::Mask(place, path) => (format!("mask {}{}", prefix(place), path.to_string_lossy()), ""),
        Step::ReadOnly(place, path) => {
            (format!("make {}{} read-only", prefix(place), path.to_string_lossy()), "")
        }
        Step::Pivot => ("pivot_root".to_owned(), ""),
        Step::Loopback => ("bring the loopback device up".to_owned(), ""),
        Step::HostName => ("sethostname".to_owned(), ""),
        Step::Streams => ("connect input and output".to_owned(), ""),
        Step::CloseDescriptors => ("close_range".to_owned(), ""),
        Step::ResourceLimit(index) => {
            let limit = spec.process.rlimits.get(index).map(|limit| limit.resource);
            (format!("set the limit {:?}", limit.unwrap_or(Resource::Nofile)), "")
        }
        Step::BoundingSet => ("limit the bounding set".to_owned(), ""),
        Step::Groups => ("setgroups".to_owned(), ""),
        Step::Group => ("setresgid".to_owned(), ""),
        Step::Emulator => ("setns of the emulator's user namespace".to_owned(), ""),
        Step::Fence => ("setns of the process's user namespace".to_owned(), ""),
        Step::Filter => ("load the seccomp filter".to_owned(), ""),
        Step::User => ("setresuid".to_owned(), ""),
        Step::Capabilities => ("capset".to_owned(), ""),
        Step::ParentGone => ("go on without the parent".to_owned(), ""),
    };
    Error::SetUp { step: words, errno, hint }
}

fn unmapped(what: String, errno: Errno) -> Error {
    Error::UnmappedId { what, errno }
}

fn prefix(place: In) -> &'static str {
    match place {
        In::Proc => "/proc/",
        In::Sys => "/sys/",
    }
}

fn not_a_directory(target: &str, what: &'static str, errno: Errno) -> Error {
    let why = format!("{errno}: it must be a directory, and not a link, in the root");
    Error::MountPoint { what, target: target.to_owned(), why }
}

fn mount_name(index: usize, spec: &Spec) -> String {
    let target =
        spec.mounts.get(index).map(|mount| String::from_utf8_lossy(mount.target.as_bytes()).into_owned());
    format!("/{}", target.unwrap_or_default())
}

fn mount_point(index: usize, errno: Errno, spec: &Spec) -> Error {
    let what = match spec.mounts.get(index).map(|mount| &mount.kind) {
        Some(MountKind::Bind { .. }) => "a bind",
        Some(MountKind::Overlay { .. }) => "an overlay",
        Some(MountKind::Tmpfs { .. }) => "a tmpfs",
        Some(MountKind::File { .. }) | None => "a file",
    };
    let why = match errno {
        Errno::NOTDIR => "there is a file in the root where a directory is needed".to_owned(),
        Errno::ISDIR => "there is a directory in the root, and the source is a file".to_owned(),
        Errno::PERM => "nothing may be mounted inside /proc".to_owned(),
        Errno::ROFS => "it is missing, and what is mounted above it is read-only".to_owned(),
        errno => errno.to_string(),
    };
    Error::MountPoint { what, target: mount_name(index, spec), why }
}
