//! Cache mounts: directories that outlive builds, by id.
//!
//! `mounts/HASH/` holds `about` (what was hashed), and for each number a directory `0/`, its lock `0.lock`, whose time is
//! that of the last use, and what it saw, `0.seen`.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Timespec, Timestamps, UTIME_NOW};
use serde::{Deserialize, Serialize};

use super::disk::Disk;
use super::error::Error;
use super::frame::Kind;
use super::lock::{Lock, Mode};
use super::open::Store;
use super::seen::Seen;
use crate::oci::{Digest, canonical};
use crate::tree::{RootPath, Time};

/// Which cache mount, and how it is shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheMountSpec {
    /// As written in the Dockerfile: hashed, never part of a path.
    pub id: String,
    /// Owner of the directory.
    pub uid: u32,
    /// Group of the directory.
    pub gid: u32,
    /// Permission bits of the directory.
    pub mode: u32,
    /// How.
    pub sharing: Sharing,
}

/// How several steps, of any number of processes, use one cache mount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sharing {
    /// All at once.
    #[default]
    Shared,
    /// Each takes the next directory that nobody uses.
    Private,
    /// One waits for the other.
    Locked,
}

/// What identifies a cache mount, as it is hashed and stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct About {
    pub(super) id: String,
    uid: u32,
    gid: u32,
    mode: u32,
}

/// A cache mount in use; given back when dropped, or when the process dies.
#[derive(Debug)]
pub struct CacheMount {
    disk: Arc<Disk>,
    path: PathBuf,
    lock: Lock,
}

/// LIMIT: ours; more steps than that do not run at once.
const PRIVATE: u32 = 10_000;

impl CacheMount {
    /// The directory to mount.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Since when this cache mount has seen each of `files` with that content at that path: `now` for what is not as the
    /// mount last saw it. A step's file gets the latest of its mounts' times (design decision 3).
    ///
    /// `files` are all the context files of one tree that a step sees, and `step` stands for that instruction and that
    /// tree, whatever their content: by it a file that was missing the last time is known.
    pub fn first_seen(
        &self,
        step: &Digest,
        files: &[(RootPath, Digest)],
        now: Time,
    ) -> Result<Vec<Time>, Error> {
        let path = self.path.with_extension("seen");
        let _alone = Lock::wait(&self.path.with_extension("seen-lock"), Mode::Exclusive)?;
        let stored = self.disk.read_framed(Kind::Seen, b"", &path)?;
        let mut seen = stored.and_then(|bytes| Seen::decode(&bytes)).unwrap_or_default();
        let times = seen.look(step, files, now);
        self.disk.write_framed(Kind::Seen, b"", &path, &seen.encode())?;
        Ok(times)
    }

    fn touch(&self) -> io::Result<()> {
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        Ok(rustix::fs::futimens(self.lock.file(), &Timestamps { last_access: now, last_modification: now })?)
    }
}

impl Drop for CacheMount {
    fn drop(&mut self) {
        let _ = self.touch();
    }
}

impl Store {
    /// A time for files that a cache mount has not seen before: later than all that was written there until now.
    ///
    /// ORDER: asked for when the mount is held, not when the build began: another build may have used it meanwhile. By the
    /// file system's own clock, whose steps are coarse: what was written in the same step must count as older.
    pub fn clock(&self) -> Result<Time, Error> {
        let now = super::lease::now(&self.disk)? + 1;
        Ok(Time {
            seconds: i64::try_from(now.div_euclid(1_000_000_000)).unwrap_or(i64::MAX),
            nanoseconds: now.rem_euclid(1_000_000_000) as u32,
        })
    }

    /// Takes a cache mount, waiting if it must; none if `canceled` says so meanwhile. A new one is made with its owner
    /// and mode, filled by `fill`, and only then seen by others.
    pub fn cache_mount(
        &self,
        spec: &CacheMountSpec,
        fill: &mut dyn FnMut(&Path) -> io::Result<()>,
        canceled: &dyn Fn() -> bool,
    ) -> Result<Option<CacheMount>, Error> {
        let CacheMountSpec { id, uid, gid, mode, sharing } = spec.clone();
        let about = canonical(&About { id, uid, gid, mode: mode & 0o7777 });
        let identity = Digest::of(&about);
        let dir = self.disk.layout.cache_mount(&identity);
        loop {
            match fs::DirBuilder::new().mode(0o700).create(&dir) {
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(Error::io("create", &dir)(e));
                }
                _ => {}
            }
            let mount = match self.take(&dir, sharing, canceled) {
                Ok(None) => return Ok(None),
                Ok(Some(mount)) => mount,
                // A prune took the empty directory away between two steps of ours.
                Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(e),
            };
            mount.touch().map_err(Error::io("touch", &dir))?;
            let about_path = dir.join("about");
            let name = identity.to_string();
            let known = self.disk.read_framed(Kind::CacheMount, name.as_bytes(), &about_path)?;
            if known.is_none() {
                self.with_room(|| {
                    self.disk.write_framed(Kind::CacheMount, name.as_bytes(), &about_path, &about)
                })?;
            }
            let Some(_making) =
                Lock::wait_unless(&mount.path.with_extension("make"), Mode::Exclusive, canceled)?
            else {
                return Ok(None);
            };
            if !mount.path.exists() {
                self.make(&mount.path, spec, fill)?;
            }
            return Ok(Some(mount));
        }
    }

    fn take(
        &self,
        dir: &Path,
        sharing: Sharing,
        canceled: &dyn Fn() -> bool,
    ) -> Result<Option<CacheMount>, Error> {
        let mount = |number: u32, lock| CacheMount {
            disk: Arc::clone(&self.disk),
            path: dir.join(number.to_string()),
            lock,
        };
        let mode = match sharing {
            Sharing::Shared => Mode::Shared,
            Sharing::Locked => Mode::Exclusive,
            Sharing::Private => {
                for number in 0..PRIVATE {
                    if let Some(lock) = Lock::try_take(&dir.join(format!("{number}.lock")), Mode::Exclusive)?
                    {
                        return Ok(Some(mount(number, lock)));
                    }
                }
                let what = format!("private directories in {}", dir.display());
                return Err(Error::TooLarge { what, size: u64::from(PRIVATE), limit: u64::from(PRIVATE) });
            }
        };
        let taken = Lock::wait_unless(&dir.join("0.lock"), mode, canceled)?;
        Ok(taken.map(|(lock, _)| mount(0, lock)))
    }

    /// Makes the directory under a temporary name, so that one half filled is never seen.
    fn make(
        &self,
        path: &Path,
        spec: &CacheMountSpec,
        fill: &mut dyn FnMut(&Path) -> io::Result<()>,
    ) -> Result<(), Error> {
        let temp = self.temp_dir()?;
        let made = temp.path().join("mount");
        fs::DirBuilder::new().mode(0o700).create(&made).map_err(Error::io("create", &made))?;
        let owner = fs::symlink_metadata(&made).map_err(Error::io("look at", &made))?;
        if (owner.uid(), owner.gid()) != (spec.uid, spec.gid) {
            std::os::unix::fs::chown(&made, Some(spec.uid), Some(spec.gid))
                .map_err(Error::io("give the cache mount its owner:", path))?;
        }
        // ORDER: after the owner, whose change clears setuid and setgid.
        fs::set_permissions(&made, fs::Permissions::from_mode(spec.mode & 0o7777))
            .map_err(Error::io("give the cache mount its mode:", path))?;
        // What fills it may change owner and mode again.
        fill(&made).map_err(Error::io("fill the cache mount", path))?;
        fs::rename(&made, path).map_err(Error::io("create", path))
    }
}
