//! The steps from clone to exec, top to bottom, in the child.
//!
//! The child shares the parent's memory: no allocation, no lock, no panic here. What failed is a value that the parent
//! reads; everything that the steps need is in [`Prepared`].
//!
//! Below, ORDER: marks each place where moving a line would change what the process can do.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::masks::{In, MASKED, READ_ONLY};
use super::prepared::{MAX_OVERLAYS, Prepared, PreparedKind, Streams};
use super::spec::{Access, Network, Security};
use super::stubs::{StubLog, Want};
use super::target::{Links, Missing, Place};
use crate::sys::exec::ExecFailure;
use crate::sys::mount::{
    self, Attributes, Depth, INERT, Propagation, attach, clone_tree, clone_tree_at, fresh,
};
use crate::sys::process::{self, Stdio};
use crate::sys::rustix::fs::{
    self, FileType, Gid, Mode, OFlags, PROC_SUPER_MAGIC, ResolveFlags, Uid, fstat, openat, openat2,
};
use crate::sys::rustix::io::Errno;
use crate::sys::{capability, net, rustix, seccomp, signals};

/// Where it stopped.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    MountNamespace,
    Propagation,
    OldRoot,
    MemoryFiles,
    Root,
    Proc,
    Dev,
    Device(usize),
    Terminals,
    SharedMemory,
    MessageQueues,
    DeviceLinks,
    Sys,
    MountPoint(usize),
    Mount(usize),
    Mask(In, &'static CStr),
    ReadOnly(In, &'static CStr),
    Pivot,
    Loopback,
    HostName,
    Streams,
    CloseDescriptors,
    ResourceLimit(usize),
    BoundingSet,
    Groups,
    Group,
    WorkingDirectory,
    Emulator,
    Fence,
    Filter,
    User,
    Capabilities,
    ParentGone,
}

/// Why the child did not become the command.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stopped {
    At(Step, Errno),
    Exec(ExecFailure),
}

trait At<T> {
    fn at(self, step: Step) -> Result<T, Stopped>;
}

impl<T> At<T> for Result<T, Errno> {
    fn at(self, step: Step) -> Result<T, Stopped> {
        self.map_err(|errno| Stopped::At(step, errno))
    }
}

const PATH: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// Becomes the command; returns only if it could not.
pub(super) fn run(prepared: &Prepared, streams: &Streams, stubs: &mut StubLog) -> Stopped {
    match steps(prepared, streams, stubs) {
        Ok(()) => Stopped::Exec(prepared.program.execute()),
        Err(stopped) => stopped,
    }
}

fn steps(prepared: &Prepared, streams: &Streams, stubs: &mut StubLog) -> Result<(), Stopped> {
    // A key pressed at the terminal is rbuild's to answer, not the command's.
    let _ = rustix::process::setsid();
    // ORDER: now, so that a parent that is killed during the steps takes us along; changing ids undoes it, see below.
    let _ = process::die_with_parent();
    process::leave_session_keyring();
    rustix::process::umask(Mode::empty());

    // ORDER: overlays before the mount namespace, since the kernel takes layers from the one that they were opened in.
    // They are attached nowhere yet; only this process, not its parent, holds them, so that they go when it ends.
    let root = prepared.root.mount().at(Step::Root)?;
    let mut overlays = [const { None }; MAX_OVERLAYS];
    mount_overlays(prepared, &mut overlays)?;
    process::unshare_mounts().at(Step::MountNamespace)?;
    // ORDER: before the first mount is attached, or it would appear on the host.
    mount::make_all_private().at(Step::Propagation)?;
    let old_root = rustix::fs::open(c"/", PATH | OFlags::DIRECTORY, Mode::empty()).at(Step::OldRoot)?;
    // ORDER: below the new root, so that it goes with the old one.
    let files = if prepared.has_files { Some(memory_files().at(Step::MemoryFiles)?) } else { None };
    let root = match root {
        Some(root) => mount::attach_over_root(root.as_fd()).map(|()| root),
        None => prepared.root.mount_in_place(),
    }
    .at(Step::Root)?;
    let place = Place { root: root.as_fd(), upper: prepared.root.upper() };

    // ORDER: /proc while the host's is in sight: inside a user namespace the kernel gives a fresh one to those who see a
    // whole one already.
    let proc = match &prepared.proc {
        Some(proc) => system(&place, c"/proc", stubs, || rustix::io::fcntl_dupfd_cloexec(proc, 3)),
        None => system(&place, c"/proc", stubs, || fresh(c"proc", &[], INERT)),
    }
    .at(Step::Proc)?;
    let dev = dev(prepared, &place, stubs)?;
    let sys = match &prepared.sys {
        Some(sys) => system(&place, c"/sys", stubs, || rustix::io::fcntl_dupfd_cloexec(sys, 3)),
        None if prepared.security == Security::Insecure => {
            system(&place, c"/sys", stubs, || fresh(c"sysfs", &[], INERT))
        }
        None => {
            let read_only = INERT.union(Attributes::MOUNT_ATTR_RDONLY);
            system(&place, c"/sys", stubs, || fresh(c"sysfs", &[], read_only))
        }
    }
    .at(Step::Sys)?;

    let mut overlays = overlays.into_iter();
    for (index, mount) in prepared.mounts.iter().enumerate() {
        let target = place
            .ensure(&mount.target, mount.want, Links::Followed, Missing::Noted(stubs))
            .at(Step::MountPoint(index))?;
        refuse_proc(&target).at(Step::MountPoint(index))?;
        user_mount(&mount.kind, &mut overlays, files.as_ref(), target.as_fd()).at(Step::Mount(index))?;
    }
    // ORDER: after the mounts, so that none of them can cover or uncover a mask.
    if prepared.security == Security::Sandbox {
        cover(&proc, &sys, &dev)?;
    }
    // COMPAT: as in BuildKit a working directory that is not there is made, and stays.
    let kept = Missing::Kept(prepared.uid, prepared.gid);
    place.ensure(&prepared.cwd, Want::Directory, Links::Followed, kept).at(Step::WorkingDirectory)?;

    // ORDER: all that needs the host's mounts is done; nothing below may open a host path.
    mount::pivot(root.as_fd(), old_root.as_fd()).at(Step::Pivot)?;
    if prepared.network == Network::None {
        net::loopback_up().at(Step::Loopback)?;
    }
    rustix::system::sethostname(&prepared.hostname).at(Step::HostName)?;

    place_streams(streams, prepared.uid).at(Step::Streams)?;
    // ORDER: before the working directory, so that no descriptor of the host's could serve as one (CVE-2024-21626).
    process::close_on_exec_from_3().at(Step::CloseDescriptors)?;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let cwd = openat2(&root, &*prepared.cwd, PATH | OFlags::DIRECTORY, Mode::empty(), resolve);
    cwd.and_then(rustix::process::fchdir).at(Step::WorkingDirectory)?;
    rustix::process::umask(Mode::from_raw_mode(0o022));
    // ORDER: after the last descriptor is opened: those of the builder count against a limit of open files until execve.
    for (index, (resource, wanted, clamped)) in prepared.rlimits.iter().enumerate() {
        if rustix::process::setrlimit(*resource, *wanted).is_err() {
            rustix::process::setrlimit(*resource, *clamped).at(Step::ResourceLimit(index))?;
        }
    }

    // ORDER: after all that needs power over the namespaces that the clone made and over the host's mounts: from here on our
    // capabilities are those over another user namespace, all of them again; before anything takes some away.
    if let Some(emulator) = &prepared.emulator {
        emulator.instance.enter().at(Step::Emulator)?;
    }
    if let Some(fence) = &prepared.fence {
        fence.enter().at(Step::Fence)?;
    }
    // ORDER: the bounding set and the groups while we are root of the namespace; the filter while we have SYS_ADMIN
    // (no_new_privs stays off, so that sudo works); the user after the filter; the rest of the capabilities last.
    capability::limit_bounding_set(prepared.keep).at(Step::BoundingSet)?;
    rustix::thread::set_thread_groups(&prepared.groups).at(Step::Groups)?;
    rustix::thread::set_thread_res_gid(prepared.gid, prepared.gid, prepared.gid).at(Step::Group)?;
    if let Some(filter) = &prepared.filter {
        seccomp::load(filter).at(Step::Filter)?;
    }
    rustix::thread::set_thread_res_uid(prepared.uid, prepared.uid, prepared.uid).at(Step::User)?;
    // The kernel takes all of them from whoever becomes an ordinary user; root keeps what the specification says.
    let keep = if prepared.uid.is_root() { prepared.keep } else { 0 };
    let _ = capability::clear_ambient();
    capability::set(keep).at(Step::Capabilities)?;

    // ORDER: after the last change of ids, which forgets it; then the parent, which may have died before it was asked for.
    let _ = process::die_with_parent();
    if process::has_died(prepared.parent.as_fd()) {
        return Err(Stopped::At(Step::ParentGone, Errno::CHILD));
    }
    // ORDER: last. Before this no signal reaches us, and no handler of the parent's can run.
    signals::reset_in_child();
    Ok(())
}

// A file system of the kernel's at a directory of the root, which must not be a link.
fn system(
    place: &Place<'_>,
    path: &CStr,
    stubs: &mut StubLog,
    make: impl FnOnce() -> Result<OwnedFd, Errno>,
) -> Result<OwnedFd, Errno> {
    let target = place.ensure(path, Want::Directory, Links::Refused, Missing::Noted(stubs))?;
    let mount = make()?;
    attach(mount.as_fd(), target.as_fd())?;
    Ok(mount)
}

fn memory_files() -> Result<OwnedFd, Errno> {
    // Each file's own mount says whether it may be executed; this one has no path that a process could use.
    let attributes = Attributes::MOUNT_ATTR_NOSUID.union(Attributes::MOUNT_ATTR_NODEV);
    let files = fresh(c"tmpfs", &[(c"mode", Some(c"0700"))], attributes)?;
    mount::attach_over_root(files.as_fd())?;
    Ok(files)
}

fn dev(prepared: &Prepared, place: &Place<'_>, stubs: &mut StubLog) -> Result<OwnedFd, Stopped> {
    let options = [(c"mode", Some(c"0755")), (c"size", Some(c"65536k"))];
    let make = || fresh(c"tmpfs", &options, Attributes::MOUNT_ATTR_NOSUID);
    let dev = system(place, c"/dev", stubs, make).at(Step::Dev)?;
    for (index, device) in prepared.devices.iter().enumerate() {
        let mode = Mode::from_raw_mode(0o666);
        let made = match &device.host {
            None => fs::mknodat(&dev, device.name, FileType::CharacterDevice, mode, device.number),
            Some(host) => {
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
                openat(&dev, device.name, flags, mode).and_then(|file| attach(host.as_fd(), file.as_fd()))
            }
        };
        made.at(Step::Device(index))?;
    }
    let directory = |name: &CStr| {
        fs::mkdirat(&dev, name, Mode::from_raw_mode(0o755))?;
        openat(&dev, name, PATH | OFlags::DIRECTORY, Mode::empty())
    };
    let no_programs = Attributes::MOUNT_ATTR_NOSUID.union(Attributes::MOUNT_ATTR_NOEXEC);
    // ORDER: each of these three fresh for each process: a shared one would carry files from step to step.
    directory(c"pts")
        .and_then(|target| {
            attach(fresh(c"devpts", &prepared.terminals, no_programs)?.as_fd(), target.as_fd())
        })
        .at(Step::Terminals)?;
    let size = [(c"mode", Some(c"1777")), (c"size", Some(&*prepared.shm_size))];
    directory(c"shm")
        .and_then(|target| attach(fresh(c"tmpfs", &size, INERT)?.as_fd(), target.as_fd()))
        .at(Step::SharedMemory)?;
    directory(c"mqueue")
        .and_then(|target| attach(fresh(c"mqueue", &[], INERT)?.as_fd(), target.as_fd()))
        .at(Step::MessageQueues)?;
    for (target, name) in [
        (c"pts/ptmx", c"ptmx"),
        (c"/proc/self/fd", c"fd"),
        (c"/proc/self/fd/0", c"stdin"),
        (c"/proc/self/fd/1", c"stdout"),
        (c"/proc/self/fd/2", c"stderr"),
        (c"/proc/kcore", c"core"),
    ] {
        fs::symlinkat(target, &dev, name).at(Step::DeviceLinks)?;
    }
    Ok(dev)
}

// A mount inside /proc could stand in for what the sandbox or a program reads there.
fn refuse_proc(target: &OwnedFd) -> Result<(), Errno> {
    if fs::fstatfs(target)?.f_type == PROC_SUPER_MAGIC { Err(Errno::PERM) } else { Ok(()) }
}

type Overlays = [Option<OwnedFd>; MAX_OVERLAYS];

// Each in the order of the mounts, which take them in that order.
fn mount_overlays(prepared: &Prepared, overlays: &mut Overlays) -> Result<(), Stopped> {
    let mut slots = overlays.iter_mut();
    for (index, mount) in prepared.mounts.iter().enumerate() {
        if let PreparedKind::Overlay { overlay, .. } = &mount.kind {
            let slot = slots.next().ok_or(Errno::NOSPC).at(Step::Mount(index))?;
            *slot = overlay.mount().at(Step::Mount(index))?;
        }
    }
    Ok(())
}

fn user_mount(
    kind: &PreparedKind,
    overlays: &mut impl Iterator<Item = Option<OwnedFd>>,
    files: Option<&OwnedFd>,
    target: BorrowedFd<'_>,
) -> Result<(), Errno> {
    match kind {
        PreparedKind::Tree(tree) => attach(tree.as_fd(), target),
        PreparedKind::Overlay { overlay, access } => {
            let mount = match overlays.next().flatten() {
                Some(mount) => mount,
                None => clone_tree(overlay.mount_in_place()?, Depth::One)?,
            };
            if *access == Access::ReadOnly {
                let readonly = Attributes::MOUNT_ATTR_RDONLY;
                mount::set_attributes(&mount, readonly, None::<Propagation>, Depth::One)?;
            }
            attach(mount.as_fd(), target)
        }
        PreparedKind::Tmpfs { mode, size, attributes } => {
            let both = [(c"mode", Some(mode.as_c_str())), (c"size", size.as_deref())];
            let options = if size.is_some() { &both[..] } else { &both[..1] };
            attach(fresh(c"tmpfs", options, *attributes)?.as_fd(), target)
        }
        PreparedKind::File { name, bytes, mode, uid, gid, attributes } => {
            let files = files.ok_or(Errno::NOENT)?;
            write_file(files, name, bytes, *mode, *uid, *gid)?;
            let tree = clone_tree_at(files, name, Depth::One)?;
            mount::set_attributes(&tree, *attributes, None::<Propagation>, Depth::One)?;
            attach(tree.as_fd(), target)
        }
    }
}

/// The time of files that the builder provides, not the time of day: that of entries in a layer.
const PROVIDED: i64 = 315_532_801;

fn write_file(
    files: &OwnedFd,
    name: &CStr,
    bytes: &[u8],
    mode: Mode,
    uid: Uid,
    gid: Gid,
) -> Result<(), Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let file = openat(files, name, flags, Mode::from_raw_mode(0o600))?;
    let mut rest = bytes;
    while !rest.is_empty() {
        let count = rustix::io::write(&file, rest)?;
        rest = rest.get(count..).unwrap_or_default();
    }
    fs::fchown(&file, Some(uid), Some(gid))?;
    fs::fchmod(&file, mode)?;
    let time = fs::Timespec { tv_sec: PROVIDED, tv_nsec: 0 };
    fs::futimens(&file, &fs::Timestamps { last_access: time, last_modification: time })
}

// Masks and read-only paths, each reached from the mount that we made, never through the image (CVE-2025-31133).
fn cover(proc: &OwnedFd, sys: &OwnedFd, dev: &OwnedFd) -> Result<(), Stopped> {
    let base = |place: In| if place == In::Proc { proc } else { sys };
    let mut empty: Option<OwnedFd> = None;
    for (place, path) in MASKED {
        let step = Step::Mask(*place, path);
        let Some(target) = inside(base(*place), path).at(step)? else { continue };
        let is_directory = FileType::from_raw_mode(fstat(&target).at(step)?.st_mode) == FileType::Directory;
        if !is_directory {
            let null = clone_tree_at(dev, c"null", Depth::One).at(step)?;
            let stat = fstat(&null).at(step)?;
            if FileType::from_raw_mode(stat.st_mode) != FileType::CharacterDevice
                || stat.st_rdev != fs::makedev(1, 3)
            {
                return Err(Stopped::At(step, Errno::NODEV));
            }
            attach(null.as_fd(), target.as_fd()).at(step)?;
            continue;
        }
        let mask = match &empty {
            Some(first) => clone_tree(first, Depth::One).at(step)?,
            None => fresh(c"tmpfs", &[], INERT.union(Attributes::MOUNT_ATTR_RDONLY)).at(step)?,
        };
        attach(mask.as_fd(), target.as_fd()).at(step)?;
        empty.get_or_insert(mask);
    }
    for (place, path) in READ_ONLY {
        let step = Step::ReadOnly(*place, path);
        let Some(target) = inside(base(*place), path).at(step)? else { continue };
        let tree = clone_tree(&target, Depth::One).at(step)?;
        mount::set_attributes(&tree, Attributes::MOUNT_ATTR_RDONLY, None, Depth::One).at(step)?;
        attach(tree.as_fd(), target.as_fd()).at(step)?;
    }
    Ok(())
}

fn inside(base: &OwnedFd, path: &CStr) -> Result<Option<OwnedFd>, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    match openat2(base, path, PATH | OFlags::NOFOLLOW, Mode::empty(), resolve) {
        Ok(found) => Ok(Some(found)),
        // Not there, or out of our reach and so out of the process's.
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(errno) => Err(errno),
    }
}

fn place_streams(streams: &Streams, uid: Uid) -> Result<(), Errno> {
    let Some([input, output, error]) = &streams.child else { return Ok(()) };
    for (from, to) in [(input, Stdio::In), (output, Stdio::Out), (error, Stdio::Err)] {
        process::place_stdio(from.as_fd(), to)?;
    }
    // Or `> /dev/stdout` of an ordinary user would open a pipe that is root's.
    for pipe in [output, error] {
        let _ = fs::fchown(pipe, Some(uid), None);
    }
    Ok(())
}
