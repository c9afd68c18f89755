//! Bind mounts: a part of another tree, shown through the directories of its layers.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::sandbox::{Access, Depth, Directory, MountKind, Root};
use crate::tree::RootPath;
use crate::worker::error::Error;

/// What a bind mount shows.
pub(super) enum Shown {
    /// A directory: the same directory of each layer, topmost first.
    Directory(Vec<PathBuf>),
    /// A file of one layer.
    File(PathBuf),
}

/// Looks for `at` in `lowers` (topmost first) as the kernel's overlay would.
pub(super) fn look_up(lowers: &[PathBuf], at: &RootPath) -> Result<Option<Shown>, Error> {
    let mut directories = Vec::new();
    for lower in lowers {
        match step_down(lower, at)
            .map_err(|e| Error::Io { doing: format!("looking for {at} in a snapshot"), source: e.into() })?
        {
            Level::Absent => {}
            Level::Hides => break,
            Level::File if directories.is_empty() => return Ok(Some(Shown::File(below(lower, at)))),
            Level::File => break,
            Level::Directory { opaque } => {
                directories.push(below(lower, at));
                if opaque {
                    break;
                }
            }
        }
    }
    Ok((!directories.is_empty()).then_some(Shown::Directory(directories)))
}

enum Level {
    /// The layer says nothing of the path.
    Absent,
    /// The layer hides what is below.
    Hides,
    /// Something that is no directory.
    File,
    /// A directory; opaque if it, or one on the way to it, hides what is below.
    Directory { opaque: bool },
}

const OPAQUE: &CStr = c"user.overlay.opaque";

fn step_down(lower: &Path, at: &RootPath) -> Result<Level, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut directory: OwnedFd = rustix::fs::open(lower, flags, Mode::empty())?;
    let mut opaque = false;
    let count = at.components().count();
    for (index, name) in at.components().enumerate() {
        let stat = match rustix::fs::statat(directory.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            // An opaque parent without the name: nothing below may show.
            Err(Errno::NOENT) => return Ok(if opaque { Level::Hides } else { Level::Absent }),
            Err(e) => return Err(e),
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {}
            FileType::CharacterDevice if stat.st_rdev == 0 => return Ok(Level::Hides),
            _ if index + 1 == count => return Ok(Level::File),
            _ => return Ok(Level::Hides),
        }
        directory = rustix::fs::openat(directory.as_fd(), name, flags, Mode::empty())?;
        let mut value = [0; 1];
        if let Ok(1) = rustix::fs::fgetxattr(&directory, OPAQUE, &mut value[..]) {
            opaque |= value == *b"y";
        }
    }
    Ok(Level::Directory { opaque })
}

fn below(lower: &Path, at: &RootPath) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    lower.join(std::ffi::OsStr::from_bytes(at.as_bytes()))
}

/// The mount. `scratch` is a fresh directory for what is written, which is thrown away.
pub(super) fn mount(shown: Shown, readonly: bool, scratch: &Path) -> Result<MountKind, Error> {
    let access = if readonly { Access::ReadOnly } else { Access::ReadWrite };
    match shown {
        Shown::File(path) if readonly => {
            Ok(MountKind::Bind { source: Directory::Path(path), access, depth: Depth::One })
        }
        Shown::File(path) => {
            // Writes must not reach the layer: the process gets a copy.
            let copy = scratch.join("file");
            std::fs::create_dir_all(scratch)
                .and_then(|()| std::fs::copy(&path, &copy))
                .map_err(Error::io(format!("copying {}", path.display())))?;
            Ok(MountKind::Bind { source: Directory::Path(copy), access, depth: Depth::One })
        }
        Shown::Directory(mut lowers) if readonly && lowers.len() == 1 => {
            let source = Directory::Path(lowers.remove(0));
            Ok(MountKind::Bind { source, access, depth: Depth::One })
        }
        Shown::Directory(lowers) => {
            let (upper, work) = (scratch.join("upper"), scratch.join("work"));
            for directory in [&upper, &work] {
                std::fs::create_dir_all(directory)
                    .map_err(Error::io(format!("making {}", directory.display())))?;
            }
            same_metadata(&lowers[0], &upper)?;
            let lower = lowers.into_iter().map(Directory::Path).collect();
            Ok(MountKind::Overlay { root: Root { lower, upper, work }, access })
        }
    }
}

/// The root of an overlay has the upper directory's owner and mode: those that the lower one has.
fn same_metadata(from: &Path, to: &Path) -> Result<(), Error> {
    let copy = || -> std::io::Result<()> {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let about = std::fs::symlink_metadata(from)?;
        std::os::unix::fs::chown(to, Some(about.uid()), Some(about.gid()))?;
        std::fs::set_permissions(to, std::fs::Permissions::from_mode(about.mode() & 0o7777))
    };
    copy().map_err(Error::io(format!("copying the metadata of {}", from.display())))
}
