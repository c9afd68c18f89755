//! Finds a mount point inside the root, making what is missing; never outside, whatever links lie there.
//!
//! In the child: fixed buffers, no allocation. The kernel resolves the path inside the root. Only where something is
//! missing is it walked here, component by component, because a link may point at what does not exist yet
//! (`/etc/resolv.conf -> ../run/systemd/resolve/stub-resolv.conf`).

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::stubs::{StubLog, Want};
use crate::sys::rustix::fs::{
    AtFlags, FileType, Mode, OFlags, ResolveFlags, chownat, fstat, mkdirat, openat, openat2, readlinkat_raw,
};
use crate::sys::rustix::io::{Errno, Result};
use crate::sys::rustix::process::{Gid, Uid};

/// What to do about a symbolic link on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Links {
    /// Follow it inside the root.
    Followed,
    /// Refuse it: `/proc`, `/dev` and `/sys` must be directories.
    Refused,
}

/// Where a mount point is looked for.
pub(super) struct Place<'a> {
    pub(super) root: BorrowedFd<'a>,
    pub(super) upper: BorrowedFd<'a>,
}

const PATH: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);
const IN_ROOT: ResolveFlags = ResolveFlags::IN_ROOT.union(ResolveFlags::NO_MAGICLINKS);
const PLAIN: ResolveFlags = IN_ROOT.union(ResolveFlags::NO_SYMLINKS);
// LIMIT: the kernel's own.
const MAX_LINKS: usize = 40;

/// What becomes of what is made because it is missing.
pub(super) enum Missing<'a> {
    /// It is a stub, which is taken away again.
    Noted(&'a mut StubLog),
    /// It stays, and belongs to these.
    Kept(Uid, Gid),
}

impl Place<'_> {
    /// The file or directory at an absolute path, made if it is missing.
    pub(super) fn ensure(
        &self,
        path: &CStr,
        want: Want,
        links: Links,
        mut missing: Missing<'_>,
    ) -> Result<OwnedFd> {
        let resolve = if links == Links::Followed { IN_ROOT } else { PLAIN };
        match openat2(self.root, path, PATH, Mode::empty(), resolve) {
            Ok(found) => checked(found, want),
            Err(Errno::NOENT) => self.walk(path, want, links, &mut missing),
            Err(errno) => Err(errno),
        }
    }

    fn walk(&self, path: &CStr, want: Want, links: Links, missing: &mut Missing<'_>) -> Result<OwnedFd> {
        let mut done = Buffer::<4096>::new();
        let mut rest = Buffer::<8192>::new();
        rest.push(path.to_bytes())?;
        let mut links_left = MAX_LINKS;
        let mut name = Buffer::<256>::new();
        while rest.take_component(&mut name)? {
            match name.bytes() {
                b"." => continue,
                b".." => {
                    done.pop_component();
                    continue;
                }
                _ => {}
            }
            let is_last = rest.has_no_component();
            let above = done.length;
            done.push_component(name.bytes())?;
            let found = match openat2(self.root, done.c_str()?, PATH | OFlags::NOFOLLOW, Mode::empty(), PLAIN)
            {
                Err(Errno::NOENT) => {
                    let kind = if is_last { want } else { Want::Directory };
                    self.make(&mut done, above, name.c_str()?, kind, missing)?;
                    continue;
                }
                found => found?,
            };
            if FileType::from_raw_mode(fstat(&found)?.st_mode) == FileType::Symlink {
                if links == Links::Refused || links_left == 0 {
                    return Err(Errno::LOOP);
                }
                links_left -= 1;
                let mut target = [0_u8; 4096];
                let length = readlinkat_raw(&found, c"", &mut target[..])?;
                let target = target.get(..length).ok_or(Errno::NAMETOOLONG)?;
                done.truncate(if target.first() == Some(&b'/') { 0 } else { above });
                rest.put_before(target)?;
            }
        }
        checked(openat2(self.root, done.c_str()?, PATH | OFlags::NOFOLLOW, Mode::empty(), PLAIN)?, want)
    }

    // Makes the last component of `path`, whose parent is its first `above` bytes.
    fn make(
        &self,
        path: &mut Buffer<4096>,
        above: usize,
        name: &CStr,
        want: Want,
        missing: &mut Missing<'_>,
    ) -> Result<()> {
        let mut parent = Buffer::<4096>::new();
        parent.push(path.bytes().get(..above).ok_or(Errno::INVAL)?)?;
        if parent.length == 0 {
            parent.push(b".")?;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        // A parent below another mount is not in the upper directory, so its stub is not ours to note.
        let same = PLAIN.union(ResolveFlags::NO_XDEV);
        let (parent, is_ours) = match openat2(self.root, parent.c_str()?, flags, Mode::empty(), same) {
            Err(Errno::XDEV) => (openat2(self.root, parent.c_str()?, flags, Mode::empty(), PLAIN)?, false),
            parent => (parent?, true),
        };
        let pending = StubLog::begin(parent.as_fd())?;
        match want {
            Want::Directory => mkdirat(&parent, name, Mode::from_raw_mode(0o755))?,
            Want::File => {
                let flags =
                    OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                drop(openat(&parent, name, flags, Mode::from_raw_mode(0o644))?);
            }
        }
        match missing {
            Missing::Noted(stubs) if is_ours => {
                // What the process sees must not tell the time of day: the parent is as it was, and so is what is new
                // in it.
                if want == Want::Directory {
                    let made = openat(&parent, name, flags | OFlags::NOFOLLOW, Mode::empty())?;
                    pending.give_back(made.as_fd())?;
                }
                pending.give_back(parent.as_fd())?;
                stubs.note(&pending, self.upper, parent.as_fd(), path.c_str()?, want)
            }
            Missing::Noted(_) => Ok(()),
            Missing::Kept(uid, gid) => {
                chownat(&parent, name, Some(*uid), Some(*gid), AtFlags::SYMLINK_NOFOLLOW)
            }
        }
    }
}

fn checked(found: OwnedFd, want: Want) -> Result<OwnedFd> {
    let is_directory = FileType::from_raw_mode(fstat(&found)?.st_mode) == FileType::Directory;
    match want {
        Want::Directory if !is_directory => Err(Errno::NOTDIR),
        Want::File if is_directory => Err(Errno::ISDIR),
        _ => Ok(found),
    }
}

// Bytes with a fixed room, always followed by a NUL.
struct Buffer<const ROOM: usize> {
    bytes: [u8; ROOM],
    start: usize,
    length: usize,
}

impl<const ROOM: usize> Buffer<ROOM> {
    fn new() -> Self {
        Buffer { bytes: [0; ROOM], start: 0, length: 0 }
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(self.start..self.length).unwrap_or_default()
    }

    fn c_str(&self) -> Result<&CStr> {
        CStr::from_bytes_until_nul(self.bytes.get(self.start..).unwrap_or_default())
            .map_err(|_| Errno::NAMETOOLONG)
    }

    fn push(&mut self, more: &[u8]) -> Result<()> {
        let end = self.length + more.len();
        // One byte stays for the NUL.
        if end >= ROOM {
            return Err(Errno::NAMETOOLONG);
        }
        self.bytes.get_mut(self.length..end).ok_or(Errno::NAMETOOLONG)?.copy_from_slice(more);
        self.length = end;
        self.end_with_nul();
        Ok(())
    }

    fn push_component(&mut self, name: &[u8]) -> Result<()> {
        if self.length > 0 {
            self.push(b"/")?;
        }
        self.push(name)
    }

    fn pop_component(&mut self) {
        let above = self.bytes().iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        self.truncate(above);
    }

    fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
        self.end_with_nul();
    }

    fn end_with_nul(&mut self) {
        if let Some(byte) = self.bytes.get_mut(self.length) {
            *byte = 0;
        }
    }

    fn has_no_component(&self) -> bool {
        self.bytes().iter().all(|byte| *byte == b'/')
    }

    // Moves the first component into `name`; false at the end.
    fn take_component(&mut self, name: &mut Buffer<256>) -> Result<bool> {
        name.truncate(0);
        while self.bytes().first() == Some(&b'/') {
            self.start += 1;
        }
        let length = self.bytes().iter().position(|byte| *byte == b'/').unwrap_or(self.bytes().len());
        if length == 0 {
            return Ok(false);
        }
        name.push(self.bytes().get(..length).ok_or(Errno::NAMETOOLONG)?)?;
        self.start += length;
        Ok(true)
    }

    fn put_before(&mut self, front: &[u8]) -> Result<()> {
        let mut whole = Buffer::<ROOM>::new();
        whole.push(front)?;
        whole.push(b"/")?;
        whole.push(self.bytes())?;
        *self = whole;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn ensure(root: &std::path::Path, path: &CStr, want: Want, links: Links) -> Result<Vec<String>> {
        let directory = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = crate::sys::rustix::fs::open(root, directory, Mode::empty())?;
        let mut stubs = StubLog::with_room_for(64);
        let place = Place { root: fd.as_fd(), upper: fd.as_fd() };
        place.ensure(path, want, links, Missing::Noted(&mut stubs))?;
        let text = |path: &crate::tree::RootPath| String::from_utf8_lossy(path.as_bytes()).into_owned();
        Ok(stubs.clean(fd.as_fd()).iter().map(text).collect())
    }

    #[test]
    fn missing_parents_are_made_and_taken_away_and_times_are_as_before() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("etc")).unwrap();
        let before = std::fs::metadata(root.path().join("etc")).unwrap().modified().unwrap();
        let made = ensure(root.path(), c"/etc/a/b/c", Want::File, Links::Followed).unwrap();
        assert_eq!(made.len(), 3, "{made:?}");
        assert_eq!(std::fs::read_dir(root.path().join("etc")).unwrap().count(), 0);
        assert_eq!(std::fs::metadata(root.path().join("etc")).unwrap().modified().unwrap(), before);
    }

    #[test]
    fn what_exists_is_used_and_left_alone() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("hosts"), "").unwrap();
        assert!(ensure(root.path(), c"/hosts", Want::File, Links::Followed).unwrap().is_empty());
        assert!(root.path().join("hosts").exists());
        assert_eq!(ensure(root.path(), c"/hosts", Want::Directory, Links::Followed), Err(Errno::NOTDIR));
    }

    #[test]
    fn a_dangling_link_is_followed_inside_the_root_and_never_outside() {
        let outside = tempfile::tempdir().unwrap();
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("etc")).unwrap();
        symlink("../../../../run/x/resolv.conf", root.path().join("etc/resolv.conf")).unwrap();
        let made = ensure(root.path(), c"/etc/resolv.conf", Want::File, Links::Followed).unwrap();
        assert_eq!(made.len(), 3, "{made:?}");
        symlink(outside.path().join("victim"), root.path().join("away")).unwrap();
        ensure(root.path(), c"/away", Want::File, Links::Followed).unwrap();
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
        symlink("loop", root.path().join("loop")).unwrap();
        assert_eq!(ensure(root.path(), c"/loop/x", Want::File, Links::Followed), Err(Errno::LOOP));
        assert_eq!(ensure(root.path(), c"/away", Want::File, Links::Refused), Err(Errno::LOOP));
    }

    #[test]
    fn a_stub_that_was_replaced_or_filled_stays() {
        let root = tempfile::tempdir().unwrap();
        let directory = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = crate::sys::rustix::fs::open(root.path(), directory, Mode::empty()).unwrap();
        let mut stubs = StubLog::with_room_for(8);
        let place = Place { root: fd.as_fd(), upper: fd.as_fd() };
        place.ensure(c"/replaced", Want::File, Links::Followed, Missing::Noted(&mut stubs)).unwrap();
        place.ensure(c"/filled", Want::File, Links::Followed, Missing::Noted(&mut stubs)).unwrap();
        place.ensure(c"/directory", Want::Directory, Links::Followed, Missing::Noted(&mut stubs)).unwrap();
        std::fs::write(root.path().join("new"), "").unwrap();
        std::fs::rename(root.path().join("new"), root.path().join("replaced")).unwrap();
        std::fs::write(root.path().join("filled"), "x").unwrap();
        std::fs::write(root.path().join("directory/file"), "x").unwrap();
        assert_eq!(stubs.clean(fd.as_fd()).len(), 3);
        for name in ["replaced", "filled", "directory/file"] {
            assert!(root.path().join(name).exists(), "{name}");
        }
    }
}
