//! Mounts as descriptors: fresh file systems, clones of trees, attributes, attaching, pivoting.
//!
//! Everything here can be called in the child.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::{Errno, Result};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags};

/// What a mount forbids, whatever its file system allows.
pub type Attributes = MountAttrFlags;

/// No programs, no devices, no set-user-id bits.
pub const INERT: Attributes =
    Attributes::MOUNT_ATTR_NOSUID.union(Attributes::MOUNT_ATTR_NODEV).union(Attributes::MOUNT_ATTR_NOEXEC);

/// Whether mounts below a place go with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// This mount alone.
    One,
    /// This mount and all below it.
    Recursive,
}

/// A new file system of a kind, not attached anywhere; options without a value are flags.
pub fn fresh(kind: &CStr, options: &[(&CStr, Option<&CStr>)], attributes: Attributes) -> Result<OwnedFd> {
    let context = rustix::mount::fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (key, value) in options {
        match value {
            Some(value) => rustix::mount::fsconfig_set_string(context.as_fd(), *key, *value)?,
            None => rustix::mount::fsconfig_set_flag(context.as_fd(), *key)?,
        }
    }
    rustix::mount::fsconfig_create(context.as_fd())?;
    rustix::mount::fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}

/// A second mount of what `place` is, not attached anywhere, that neither sends nor receives mount events.
pub fn clone_tree(place: impl AsFd, depth: Depth) -> Result<OwnedFd> {
    clone_tree_at(place, c"", depth)
}

/// As [`clone_tree`], of a name below a directory; a symbolic link is not followed.
pub fn clone_tree_at(directory: impl AsFd, name: &CStr, depth: Depth) -> Result<OwnedFd> {
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_SYMLINK_NOFOLLOW
        | OpenTreeFlags::AT_NO_AUTOMOUNT;
    if name.is_empty() {
        flags |= OpenTreeFlags::AT_EMPTY_PATH;
    }
    if depth == Depth::Recursive {
        flags |= OpenTreeFlags::AT_RECURSIVE;
    }
    let tree = rustix::mount::open_tree(directory, name, flags)?;
    // ORDER: before anything is mounted below it. A clone of a shared mount is its peer: what is mounted below the clone
    // would appear on the host.
    set_attributes(&tree, Attributes::empty(), Some(Propagation::Private), Depth::Recursive)?;
    Ok(tree)
}

/// Whether mounts made at one place appear at its copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// Nowhere.
    Private,
}

#[repr(C)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    userns_fd: u64,
}

/// Adds attributes to the mount behind a descriptor.
pub fn set_attributes(
    mount: impl AsFd,
    add: Attributes,
    propagation: Option<Propagation>,
    depth: Depth,
) -> Result<()> {
    let attributes = MountAttr {
        set: u64::from(add.bits()),
        clear: 0,
        propagation: propagation.map_or(0, |Propagation::Private| libc::MS_PRIVATE),
        userns_fd: 0,
    };
    let recursive = if depth == Depth::Recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is NUL-terminated, and the kernel reads as many bytes as the size says.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_fd().as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | recursive,
            &raw const attributes,
            size_of::<MountAttr>(),
        )
    };
    if answer == 0 { Ok(()) } else { Err(super::process::last_errno()) }
}

/// Makes every mount of the calling process's namespace private.
pub fn make_all_private() -> Result<()> {
    rustix::mount::mount_change(
        c"/",
        rustix::mount::MountPropagationFlags::PRIVATE | rustix::mount::MountPropagationFlags::REC,
    )
}

/// Attaches a mount to the very file or directory behind `target`; no path is walked.
pub fn attach(mount: BorrowedFd<'_>, target: BorrowedFd<'_>) -> Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    rustix::mount::move_mount(mount, c"", target, c"", flags)
}

/// Attaches a mount over the calling process's root, which keeps the root that it has.
pub fn attach_over_root(mount: BorrowedFd<'_>) -> Result<()> {
    rustix::mount::move_mount(mount, c"", CWD, c"/", MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
}

/// Makes the mount behind `new_root` the root and lets go of the old one, with all that is mounted there and over it.
///
/// Fails with `EXDEV` rather than leave a way back: the old root lies over the new one until it is unmounted, and one
/// `..` from the root would lead into it.
pub fn pivot(new_root: BorrowedFd<'_>, old_root: BorrowedFd<'_>) -> Result<()> {
    rustix::process::fchdir(new_root)?;
    rustix::process::pivot_root(c".", c".")?;
    // A descriptor is the one sure way to name the old root, now that it lies over the new one.
    rustix::process::fchdir(old_root)?;
    // Each call takes the topmost mount of those that are stacked there; the old root itself is the last, and what is not
    // mounted is invalid.
    rustix::mount::unmount(c".", UnmountFlags::DETACH)?;
    while rustix::mount::unmount(c".", UnmountFlags::DETACH).is_ok() {}
    rustix::process::chdir(c"/")?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let above = rustix::fs::open(c"/..", flags, Mode::empty())?;
    let (above, root) = (rustix::fs::fstat(&above)?, rustix::fs::fstat(new_root)?);
    if (above.st_dev, above.st_ino) == (root.st_dev, root.st_ino) { Ok(()) } else { Err(Errno::XDEV) }
}
