//! Owner, mode, extended attributes and times of what a snapshot holds.

use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;

use rustix::fs::{
    AtFlags, Gid, Mode, Stat, Timespec, Timestamps, Uid, XattrFlags, chmodat, chownat, fchmod, fchown,
    fgetxattr, flistxattr, fremovexattr, fsetxattr, fstat, futimens, utimensat,
};
use rustix::io::Errno;

use super::error::Error;
use crate::tree::{Entry, Kind, RootPath, Time};

/// Overlay's mark of a directory that hides what lies below it, in the form that `userxattr` mounts read.
pub(super) const OPAQUE: &[u8] = b"user.overlay.opaque";
/// Overlay's mark of a removed path on an empty file.
pub(super) const WHITEOUT: &[u8] = b"user.overlay.whiteout";
const CAPABILITY: &[u8] = b"security.capability";

/// Who owns what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owners {
    /// Whoever the entry says: needs the privilege to give files away.
    Keep,
    /// Whoever writes, as in an export by an ordinary user: owners and capabilities are left out.
    Writer,
}

/// Whether an extended attribute belongs to images. What overlay and other container tools keep for themselves does
/// not, and neither does anything that a user namespace could not set.
pub(super) fn is_kept(name: &[u8]) -> bool {
    let reserved: [&[u8]; 3] = [b"user.overlay.", b"user.containers.", b"user.rbuild."];
    name == CAPABILITY || (name.starts_with(b"user.") && !reserved.iter().any(|r| name.starts_with(r)))
}

/// Sets all metadata of a file or directory.
pub(super) fn set(fd: BorrowedFd<'_>, entry: &Entry, owners: Owners) -> Result<(), Error> {
    set_what_differs(fd, entry, owners, None)
}

/// The same of a file that was just made and mostly has its owner and mode: looking costs a tenth of setting them.
pub(super) fn set_fresh(fd: BorrowedFd<'_>, entry: &Entry, owners: Owners) -> Result<(), Error> {
    let stat = fstat(fd).map_err(Error::entry("read", &entry.path))?;
    set_what_differs(fd, entry, owners, Some(&stat))
}

fn set_what_differs(
    fd: BorrowedFd<'_>,
    entry: &Entry,
    owners: Owners,
    stat: Option<&Stat>,
) -> Result<(), Error> {
    // ORDER: a change of owner clears setuid bits and capabilities; times last.
    let is_owned = stat.is_some_and(|stat| (stat.st_uid, stat.st_gid) == (entry.uid, entry.gid));
    if owners == Owners::Keep && !is_owned {
        let (uid, gid) = (Uid::from_raw(entry.uid), Gid::from_raw(entry.gid));
        fchown(fd, Some(uid), Some(gid)).map_err(owner_error(entry))?;
    }
    if stat.is_none_or(|stat| stat.st_mode & 0o7777 != entry.mode & 0o7777) {
        fchmod(fd, mode(entry)).map_err(Error::entry("set the mode of", &entry.path))?;
    }
    for (name, value) in entry.xattrs.iter().filter(|(name, _)| is_kept(name)) {
        match fsetxattr(fd, name.as_slice(), value, XattrFlags::empty()) {
            // An export by an ordinary user takes along what it may.
            Err(Errno::PERM | Errno::OPNOTSUPP | Errno::ACCESS) if owners == Owners::Writer => {}
            done => done.map_err(Error::entry("set an extended attribute of", &entry.path))?,
        }
    }
    futimens(fd, &times(entry.mtime)).map_err(Error::entry("set the time of", &entry.path))
}

/// Sets all metadata of something that cannot be opened: a link, a pipe, a device.
pub(super) fn set_at(
    parent: BorrowedFd<'_>,
    name: &[u8],
    entry: &Entry,
    owners: Owners,
) -> Result<(), Error> {
    let no_follow = AtFlags::SYMLINK_NOFOLLOW;
    if owners == Owners::Keep {
        let (uid, gid) = (Uid::from_raw(entry.uid), Gid::from_raw(entry.gid));
        chownat(parent, name, Some(uid), Some(gid), no_follow).map_err(owner_error(entry))?;
    }
    if !matches!(entry.kind, Kind::Symlink(_)) {
        chmodat(parent, name, mode(entry), AtFlags::empty())
            .map_err(Error::entry("set the mode of", &entry.path))?;
    }
    utimensat(parent, name, &times(entry.mtime), no_follow)
        .map_err(Error::entry("set the time of", &entry.path))
}

/// Makes the metadata of a file or directory that a RUN left behind equal to its entry, and takes away every attribute
/// that is not the image's.
pub(super) fn equalise(fd: BorrowedFd<'_>, stat: &Stat, entry: &Entry) -> Result<(), Error> {
    let path = &entry.path;
    // ORDER: as in `set`.
    if (stat.st_uid, stat.st_gid) != (entry.uid, entry.gid) {
        let (uid, gid) = (Uid::from_raw(entry.uid), Gid::from_raw(entry.gid));
        fchown(fd, Some(uid), Some(gid)).map_err(owner_error(entry))?;
    }
    fchmod(fd, mode(entry)).map_err(Error::entry("set the mode of", path))?;
    let present = names(fd, path)?;
    for name in &present {
        let ours = name.starts_with(b"user.") || name == CAPABILITY || name.starts_with(b"system.posix_acl_");
        if ours && !entry.xattrs.contains_key(name) {
            fremovexattr(fd, name.as_slice())
                .map_err(Error::entry("remove an extended attribute of", path))?;
        }
    }
    for (name, value) in entry.xattrs.iter().filter(|(name, _)| is_kept(name)) {
        if !present.contains(name) || value_of(fd, name, path)? != *value {
            fsetxattr(fd, name.as_slice(), value, XattrFlags::empty())
                .map_err(Error::entry("set an extended attribute of", path))?;
        }
    }
    // Removing an access list gives the group bits back as they were before it.
    fchmod(fd, mode(entry)).map_err(Error::entry("set the mode of", path))?;
    futimens(fd, &times(entry.mtime)).map_err(Error::entry("set the time of", path))
}

/// By full name, as an entry has them.
pub(super) type Xattrs = BTreeMap<Vec<u8>, Vec<u8>>;

/// The attributes of a file or directory that belong to images, and whether overlay marked it.
pub(super) fn read(fd: BorrowedFd<'_>, path: &RootPath) -> Result<(Xattrs, Mark), Error> {
    let mut kept = BTreeMap::new();
    let mut mark = Mark::None;
    for name in names(fd, path)? {
        if name == OPAQUE && value_of(fd, &name, path)? == b"y" {
            mark = Mark::Opaque;
        } else if name == WHITEOUT {
            mark = Mark::Whiteout;
        } else if is_kept(&name) {
            let value = value_of(fd, &name, path)?;
            kept.insert(name, value);
        }
    }
    Ok((kept, mark))
}

/// What overlay says of a file or directory by an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Nothing.
    None,
    /// A directory hides what lies below it.
    Opaque,
    /// An empty file stands for a removed path.
    Whiteout,
}

fn names(fd: BorrowedFd<'_>, path: &RootPath) -> Result<Vec<Vec<u8>>, Error> {
    // LIMIT: the kernel's XATTR_LIST_MAX is 64 KiB.
    let mut small = [0; 256];
    let mut large;
    let list: &[u8] = match flistxattr(fd, &mut small[..]) {
        Ok(length) => &small[..length],
        Err(Errno::OPNOTSUPP) => &[],
        Err(Errno::RANGE) => {
            large = vec![0; 65536];
            let length = flistxattr(fd, &mut large[..])
                .map_err(Error::entry("read the extended attributes of", path))?;
            &large[..length]
        }
        Err(e) => return Err(Error::entry("read the extended attributes of", path)(e)),
    };
    let mut names: Vec<Vec<u8>> =
        list.split(|b| *b == 0).filter(|n| !n.is_empty()).map(<[u8]>::to_vec).collect();
    names.sort();
    Ok(names)
}

fn value_of(fd: BorrowedFd<'_>, name: &[u8], path: &RootPath) -> Result<Vec<u8>, Error> {
    // LIMIT: the kernel's XATTR_SIZE_MAX.
    let mut value = vec![0; 65536];
    let length =
        fgetxattr(fd, name, &mut value[..]).map_err(Error::entry("read an extended attribute of", path))?;
    value.truncate(length);
    Ok(value)
}

fn mode(entry: &Entry) -> Mode {
    Mode::from_raw_mode(entry.mode & 0o7777)
}

fn times(time: Time) -> Timestamps {
    let time = Timespec { tv_sec: time.seconds, tv_nsec: i64::from(time.nanoseconds) };
    Timestamps { last_access: time, last_modification: time }
}

fn owner_error(entry: &Entry) -> impl FnOnce(Errno) -> Error + '_ {
    move |errno| match errno {
        // The kernel's answer to an id that the user namespace does not map.
        Errno::INVAL => Error::Owner { path: entry.path.clone(), uid: entry.uid, gid: entry.gid },
        other => Error::entry("set the owner of", &entry.path)(other),
    }
}
