//! A specification made ready: every string terminated, every host path opened, so that the child only makes calls.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use super::caps::Capabilities;
use super::emulator::Emulator;
use super::error::Error;
use super::lookup::program;
use super::probe::{ProcOf, proc_of};
use super::seccomp::filter;
use super::spec::{Access, Directory, Mount, MountKind, Network, Process, Root, Security, Spec, Stdio};
use super::stubs::{StubLog, Want};
use crate::sys::clone::Namespaces;
use crate::sys::exec::Program;
use crate::sys::fence::Fence;
use crate::sys::mount::{Attributes, Depth, clone_tree, set_attributes};
use crate::sys::overlay::{Form, Overlay};
use crate::sys::rustix::fs::{FileType, Mode, OFlags, fstat, makedev, open};
use crate::sys::rustix::process::{Gid, Resource, Rlimit, Uid};
use crate::sys::seccomp::Instruction;
use crate::sys::{capability, privilege, process};
use crate::tree::RootPath;

/// All that the child needs.
pub(super) struct Prepared {
    pub(super) namespaces: Namespaces,
    pub(super) root: Overlay,
    /// The host's `/sys`, where a fresh one is refused.
    pub(super) sys: Option<OwnedFd>,
    /// The host's `/proc`, where a fresh one is refused.
    pub(super) proc: Option<OwnedFd>,
    pub(super) devices: Vec<Device>,
    pub(super) terminals: Vec<(&'static CStr, Option<&'static CStr>)>,
    pub(super) shm_size: CString,
    pub(super) mounts: Vec<PreparedMount>,
    pub(super) has_files: bool,
    pub(super) security: Security,
    pub(super) network: Network,
    pub(super) hostname: Vec<u8>,
    pub(super) rlimits: Vec<(Resource, Rlimit, Rlimit)>,
    pub(super) uid: Uid,
    pub(super) gid: Gid,
    pub(super) groups: Vec<Gid>,
    pub(super) keep: u64,
    pub(super) filter: Option<Arc<[Instruction]>>,
    pub(super) cwd: CString,
    pub(super) program: Program,
    pub(super) emulator: Option<Emulator>,
    /// A user namespace for this process alone, where others are in sight.
    pub(super) fence: Option<Fence>,
    pub(super) parent: OwnedFd,
    pub(super) stub_room: usize,
    _empty_lower: Vec<tempfile::TempDir>,
}

/// A node of `/dev`.
pub(super) struct Device {
    pub(super) name: &'static CStr,
    pub(super) number: u64,
    /// The host's node, where making one is refused.
    pub(super) host: Option<OwnedFd>,
}

/// A mount of the specification.
pub(super) struct PreparedMount {
    pub(super) target: CString,
    pub(super) want: Want,
    pub(super) kind: PreparedKind,
}

/// What it is.
pub(super) enum PreparedKind {
    Tree(OwnedFd),
    Overlay { overlay: Overlay, access: Access },
    Tmpfs { mode: CString, size: Option<CString>, attributes: Attributes },
    File { name: CString, bytes: Vec<u8>, mode: Mode, uid: Uid, gid: Gid, attributes: Attributes },
}

const DEVICES: [(&CStr, &str, u32, u32); 6] = [
    (c"null", "/dev/null", 1, 3),
    (c"zero", "/dev/zero", 1, 5),
    (c"full", "/dev/full", 1, 7),
    (c"random", "/dev/random", 1, 8),
    (c"urandom", "/dev/urandom", 1, 9),
    (c"tty", "/dev/tty", 5, 0),
];

/// LIMIT: ours; they are kept in an array on the child's stack.
pub(super) const MAX_OVERLAYS: usize = 64;

// The group that may write to terminals, in every distribution.
const TTY_GROUP: u32 = 5;

/// Makes everything ready that can be made ready outside.
pub(super) fn prepare(spec: &Spec) -> Result<Prepared, Error> {
    let form = Form::probe().map_err(|errno| Error::SetUp {
        step: "fsopen overlay".to_owned(),
        errno,
        hint: "\nfix: load the kernel's overlay module (modprobe overlay)",
    })?;
    let is_initial = privilege::in_initial_user_namespace();
    let mut empty_lower = Vec::new();
    let mut devices = Vec::new();
    for (name, path, major, minor) in DEVICES {
        let host = match is_initial {
            true => None,
            // A device on a read-only mount can be written to, and its owner, mode and times cannot be changed: it stays the host's.
            false => Some(read_only(path, Depth::One)?),
        };
        devices.push(Device { name, number: makedev(major, minor), host });
    }
    let sys = if is_initial { None } else { Some(read_only("/sys", Depth::Recursive)?) };
    let (proc, fence) = match proc_of() {
        ProcOf::Process => (None, None),
        ProcOf::Container => {
            // The emulator has a user namespace of its own.
            let fence = spec.emulator.is_none().then(Fence::new).transpose();
            let fence = fence.map_err(|errno| Error::SetUp {
                step: "make a user namespace for the process".to_owned(),
                errno,
                hint: "",
            })?;
            // Much of what can be written there asks for no more than the owner's number: what the kernel is to kill first, say.
            (Some(read_only("/proc", Depth::Recursive)?), fence)
        }
    };
    let mut terminals = vec![(c"ptmxmode", Some(c"0666")), (c"mode", Some(c"0620"))];
    if privilege::group_is_mapped(TTY_GROUP) {
        terminals.push((c"gid", Some(c"5")));
    }
    let mut mounts = Vec::new();
    for (index, mount) in spec.mounts.iter().enumerate() {
        mounts.push(prepare_mount(mount, index, form, &mut empty_lower)?);
    }
    if mounts.iter().filter(|mount| matches!(mount.kind, PreparedKind::Overlay { .. })).count() > MAX_OVERLAYS
    {
        return Err(Error::Invalid(format!(
            "a process can have at most {MAX_OVERLAYS} writable bind mounts"
        )));
    }
    // The mount namespace comes later, see `steps`.
    let mut namespaces = Namespaces::PID.and(Namespaces::IPC).and(Namespaces::UTS).and(Namespaces::CGROUP);
    if spec.network == Network::None {
        namespaces = namespaces.and(Namespaces::NET);
    }
    let permitted = capability::permitted().map_err(|errno| io("reading capabilities", errno))?;
    let wanted = match spec.security {
        Security::Sandbox => spec.process.capabilities,
        Security::Insecure => Capabilities::ALL,
    };
    let components: usize = spec.mounts.iter().map(|mount| mount.target.components().count()).sum();
    Ok(Prepared {
        namespaces,
        root: overlay(&spec.root, form, &mut empty_lower)?,
        sys,
        proc,
        devices,
        terminals,
        shm_size: text(spec.shm_size.to_string(), "shm size")?,
        has_files: spec.mounts.iter().any(|mount| matches!(mount.kind, MountKind::File { .. })),
        mounts,
        security: spec.security,
        network: spec.network,
        hostname: spec.hostname.clone().into_bytes(),
        rlimits: rlimits(&spec.process),
        uid: user(spec.process.uid)?,
        gid: group(spec.process.gid)?,
        groups: spec.process.groups.iter().map(|id| group(*id)).collect::<Result<_, _>>()?,
        keep: wanted.bits() & permitted,
        filter: (spec.security == Security::Sandbox).then(|| filter(wanted.bits())),
        cwd: absolute(&spec.process.cwd)?,
        program: program(&spec.process)?,
        emulator: spec.emulator.clone(),
        fence,
        parent: process::myself().map_err(|errno| io("opening a descriptor for this process", errno))?,
        // Links can add components; each mount's own are the usual case.
        stub_room: 64 + 4 * components,
        _empty_lower: empty_lower,
    })
}

impl Prepared {
    /// Empty notes with room for every stub.
    pub(super) fn stub_log(&self) -> StubLog {
        StubLog::with_room_for(self.stub_room)
    }
}

/// What the child's standard descriptors will be; for captured output, also the ends that are read.
pub(super) struct Streams {
    pub(super) child: Option<[OwnedFd; 3]>,
    pub(super) reading: Option<[OwnedFd; 2]>,
}

impl Streams {
    pub(super) fn open(stdio: Stdio) -> Result<Streams, Error> {
        if stdio == Stdio::Inherited {
            return Ok(Streams { child: None, reading: None });
        }
        let pipe = || {
            crate::sys::rustix::pipe::pipe_with(crate::sys::rustix::pipe::PipeFlags::CLOEXEC)
                .map_err(|errno| io("making a pipe", errno))
        };
        let (out, out_in) = pipe()?;
        let (err, err_in) = pipe()?;
        let null = opened(Path::new("/dev/null"), OFlags::RDONLY)?;
        Ok(Streams { child: Some([null, out_in, err_in]), reading: Some([out, err]) })
    }
}

fn prepare_mount(
    mount: &Mount,
    index: usize,
    form: Form,
    empty_lower: &mut Vec<tempfile::TempDir>,
) -> Result<PreparedMount, Error> {
    if mount.target.is_root() {
        return Err(Error::Invalid("a mount at / would hide the whole root".to_owned()));
    }
    let (want, kind) = match &mount.kind {
        MountKind::Bind { source, access, depth } => {
            let tree = match source {
                Directory::Path(path) => tree(path, *depth)?,
                Directory::Open(fd) => cloned(fd, *depth)?,
            };
            if *access == Access::ReadOnly {
                set_attributes(&tree, Attributes::MOUNT_ATTR_RDONLY, None, *depth).map_err(|errno| {
                    Error::SetUp { step: "make a bind mount read-only".to_owned(), errno, hint: "" }
                })?;
            }
            let kind = FileType::from_raw_mode(
                fstat(&tree).map_err(|errno| io("reading a bind source", errno))?.st_mode,
            );
            (if kind == FileType::Directory { Want::Directory } else { Want::File }, PreparedKind::Tree(tree))
        }
        MountKind::Overlay { root, access } => {
            let overlay = overlay(root, form, empty_lower)?;
            (Want::Directory, PreparedKind::Overlay { overlay, access: *access })
        }
        MountKind::Tmpfs { size, mode, access } => {
            let mut attributes = Attributes::MOUNT_ATTR_NOSUID | Attributes::MOUNT_ATTR_NODEV;
            if *access == Access::ReadOnly {
                attributes |= Attributes::MOUNT_ATTR_RDONLY;
            }
            let mode = text(format!("{:o}", mode & 0o7777), "mode")?;
            let size = size.map(|size| text(size.to_string(), "size")).transpose()?;
            (Want::Directory, PreparedKind::Tmpfs { mode, size, attributes })
        }
        MountKind::File { bytes, mode, uid, gid, access } => {
            let mut attributes = crate::sys::mount::INERT;
            if mode & 0o111 != 0 {
                // A script of a RUN is executed.
                attributes -= Attributes::MOUNT_ATTR_NOEXEC;
            }
            if *access == Access::ReadOnly {
                attributes |= Attributes::MOUNT_ATTR_RDONLY;
            }
            let kind = PreparedKind::File {
                name: text(index.to_string(), "name")?,
                bytes: bytes.clone(),
                mode: Mode::from_raw_mode(mode & 0o7777),
                uid: user(*uid)?,
                gid: group(*gid)?,
                attributes,
            };
            (Want::File, kind)
        }
    };
    Ok(PreparedMount { target: absolute(&mount.target)?, want, kind })
}

fn overlay(root: &Root, form: Form, empty_lower: &mut Vec<tempfile::TempDir>) -> Result<Overlay, Error> {
    let directory = OFlags::PATH | OFlags::DIRECTORY;
    let mut lower = Vec::with_capacity(root.lower.len().max(1));
    for layer in &root.lower {
        lower.push(match layer {
            Directory::Path(path) => opened(path, directory)?,
            Directory::Open(fd) => {
                fd.try_clone().map_err(|source| Error::Io { doing: "copying a descriptor", source })?
            }
        });
    }
    if lower.is_empty() {
        let beside = root.work.parent().unwrap_or(Path::new("."));
        let empty = tempfile::Builder::new()
            .prefix("empty-")
            .tempdir_in(beside)
            .map_err(|source| Error::Open { path: beside.to_owned(), source })?;
        lower.push(opened(empty.path(), directory)?);
        empty_lower.push(empty);
    }
    let upper = opened(&root.upper, directory)?;
    let work = opened(&root.work, directory)?;
    Overlay::new(lower, upper, work, form).map_err(|errno| io("reading the paths of directories", errno))
}

// The limit of open files is the one that the builder was started with, unless another is asked for.
//
// A limit above what may be given is lowered, not refused: the second of each pair is what needs no privilege.
fn rlimits(process: &Process) -> Vec<(Resource, Rlimit, Rlimit)> {
    let clamp = |value: Option<u64>, limit: Option<u64>| match (value, limit) {
        (Some(value), Some(limit)) => Some(value.min(limit)),
        (value, limit) => value.or(limit),
    };
    let prepared = |limit: &super::spec::Rlimit| {
        let now = crate::sys::rustix::process::getrlimit(limit.resource).maximum;
        let hard = clamp(limit.hard, now);
        (
            limit.resource,
            Rlimit { current: clamp(limit.soft, limit.hard), maximum: limit.hard },
            Rlimit { current: clamp(limit.soft, hard), maximum: hard },
        )
    };
    let is_asked_for = process.rlimits.iter().any(|limit| limit.resource == Resource::Nofile);
    let before = crate::sys::open_files::before().filter(|_| !is_asked_for);
    let before = before.map(|before| (Resource::Nofile, before, before));
    process.rlimits.iter().map(prepared).chain(before).collect()
}

fn tree(path: &Path, depth: Depth) -> Result<OwnedFd, Error> {
    cloned(&opened(path, OFlags::PATH)?, depth)
}

/// A file or directory of the host's that a process may not change.
fn read_only(path: &str, depth: Depth) -> Result<OwnedFd, Error> {
    let tree = tree(Path::new(path), depth)?;
    set_attributes(&tree, Attributes::MOUNT_ATTR_RDONLY, None, depth).map_err(|errno| Error::SetUp {
        step: format!("make {path} read-only"),
        errno,
        hint: "",
    })?;
    Ok(tree)
}

fn cloned(fd: &OwnedFd, depth: Depth) -> Result<OwnedFd, Error> {
    clone_tree(fd.as_fd(), depth).map_err(|errno| Error::SetUp {
        step: "open_tree of a host file or directory".to_owned(),
        errno,
        hint: "",
    })
}

fn opened(path: &Path, flags: OFlags) -> Result<OwnedFd, Error> {
    open(path, flags | OFlags::CLOEXEC, Mode::empty())
        .map_err(|errno| Error::Open { path: path.to_owned(), source: errno.into() })
}

fn absolute(path: &RootPath) -> Result<CString, Error> {
    let mut bytes = vec![b'/'];
    bytes.extend_from_slice(path.as_bytes());
    text(bytes, "path")
}

fn text(bytes: impl Into<Vec<u8>>, what: &str) -> Result<CString, Error> {
    CString::new(bytes).map_err(|_| Error::Invalid(format!("the {what} holds a NUL byte")))
}

fn user(id: u32) -> Result<Uid, Error> {
    if id == u32::MAX { Err(Error::Invalid(format!("{id} is no user id"))) } else { Ok(Uid::from_raw(id)) }
}

fn group(id: u32) -> Result<Gid, Error> {
    if id == u32::MAX { Err(Error::Invalid(format!("{id} is no group id"))) } else { Ok(Gid::from_raw(id)) }
}

fn io(doing: &'static str, errno: crate::sys::rustix::io::Errno) -> Error {
    Error::Io { doing, source: errno.into() }
}
