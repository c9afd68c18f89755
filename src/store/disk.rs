//! The files of an open store: written under temporary names, renamed, made durable together, checked when read.
//!
//! **Invariants**: a name never shows half a file. Whoever uses an object touches it while holding the use lock shared,
//! and whoever removes one holds it alone and looks at the time again: so nothing is removed that a live build used.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rustix::fs::{AtFlags, OFlags, Timespec, Timestamps, UTIME_NOW};

use super::error::Error;
use super::healed::{Healed, ObjectKind};
use super::held::Held;
use super::layout::Layout;
use super::lock::{Lock, Mode, locked};
use super::process::Process;
use super::recover::file_digest;
use super::unsynced::Unsynced;
use crate::oci::Digest;

/// What all handles of a store share.
#[derive(Debug)]
pub struct Disk {
    /// Where things are.
    pub layout: Layout,
    /// This process's temporary files.
    pub process: Process,
    /// What is not durable yet.
    pub unsynced: Unsynced,
    /// What has no name yet.
    pub held: Held,
    healed: Mutex<Vec<Healed>>,
    /// Every file that was ever noted, so that what only follows from its loss is not told as another loss.
    noted: Mutex<BTreeSet<PathBuf>>,
    /// Set when what is going on is to end soon.
    interrupted: AtomicBool,
    /// Set when room was to be made, and not enough could go.
    pub in_vain: AtomicBool,
    /// The use lock, while this process keeps it from one look-up to the next.
    use_lock: Mutex<UseLock>,
    /// How many threads wait for that lock alone: none is kept meanwhile, or they would wait for ever. Beside the mutex, which
    /// who waits for a shared lock holds.
    removers: AtomicUsize,
    /// Whether files without a name can be made, and named later.
    anonymous: bool,
}

#[derive(Debug, Default)]
struct UseLock {
    lock: Option<Arc<Lock>>,
    /// How many want it kept.
    lookups: usize,
}

/// A file that has no name yet, or a temporary one.
#[derive(Debug)]
pub struct TempFile {
    /// To be written.
    pub file: File,
    path: Option<PathBuf>,
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = fs::remove_file(path);
        }
    }
}

impl Disk {
    /// A disk of a registered process.
    pub fn new(layout: Layout, process: Process, unsynced: Unsynced) -> Disk {
        let mut disk = Disk {
            layout,
            process,
            unsynced,
            held: Held::default(),
            healed: Mutex::default(),
            noted: Mutex::default(),
            interrupted: AtomicBool::new(false),
            in_vain: AtomicBool::new(false),
            use_lock: Mutex::default(),
            removers: AtomicUsize::new(0),
            anonymous: true,
        };
        disk.anonymous = disk.probe_anonymous();
        disk
    }

    fn probe_anonymous(&self) -> bool {
        let to = self.process.fresh();
        let linked =
            self.temp_file().and_then(|temp| self.link(&temp.file, &to).map_err(Error::io("link", &to)));
        fs::remove_file(&to).is_ok() && linked.is_ok()
    }

    /// Notes that something was damaged.
    pub fn note(&self, kind: ObjectKind, path: &Path, reason: impl Into<String>) {
        locked(&self.noted).insert(path.to_path_buf());
        locked(&self.healed).push(Healed { kind, path: path.to_path_buf(), reason: reason.into() });
    }

    /// Whether that file was noted before, in this process.
    pub fn was_noted(&self, path: &Path) -> bool {
        locked(&self.noted).contains(path)
    }

    /// Makes every reading and writing of content fail from now on.
    pub fn interrupt(&self) {
        self.interrupted.store(true, Ordering::Relaxed);
    }

    /// Fails once [`Disk::interrupt`] was called: the way out of a copy of any length.
    pub fn go_on(&self) -> io::Result<()> {
        match self.interrupted.load(Ordering::Relaxed) {
            true => Err(io::Error::other("interrupted")),
            false => Ok(()),
        }
    }

    /// Takes the notes.
    pub fn take_healed(&self) -> Vec<Healed> {
        std::mem::take(&mut locked(&self.healed))
    }

    /// Keeps objects from being removed while one is looked up and touched.
    pub fn using(&self) -> Result<Arc<Lock>, Error> {
        let mut held = locked(&self.use_lock);
        if let Some(lock) = &held.lock {
            return Ok(Arc::clone(lock));
        }
        let lock = Arc::new(Lock::wait(&self.layout.use_lock(), Mode::Shared)?);
        if held.lookups > 0 && self.removers.load(Ordering::SeqCst) == 0 {
            held.lock = Some(Arc::clone(&lock));
        }
        Ok(lock)
    }

    /// Keeps objects from being looked up while some are removed. Not while holding [`Disk::using`].
    pub fn removing(&self) -> Result<Lock, Error> {
        self.removers.fetch_add(1, Ordering::SeqCst);
        locked(&self.use_lock).lock = None;
        let alone = Lock::wait(&self.layout.use_lock(), Mode::Exclusive);
        self.removers.fetch_sub(1, Ordering::SeqCst);
        alone
    }

    /// Keeps the use lock from one look-up to the next, until [`Disk::end_lookups`].
    pub fn begin_lookups(&self) {
        locked(&self.use_lock).lookups += 1;
    }

    /// The end of what [`Disk::begin_lookups`] began.
    pub fn end_lookups(&self) {
        let mut held = locked(&self.use_lock);
        held.lookups -= 1;
        if held.lookups == 0 {
            held.lock = None;
        }
    }

    /// Opens an object and marks it as used now; none if it is not there.
    pub fn open_used(&self, path: &Path) -> Result<Option<File>, Error> {
        self.settle(path)?;
        self.open_used_now(path)
    }

    fn open_used_now(&self, path: &Path) -> Result<Option<File>, Error> {
        // What is not there needs no lock, unless it is held anyway: a miss is common, and cheap.
        if locked(&self.use_lock).lock.is_none() && self.size_now(path)?.is_none() {
            return Ok(None);
        }
        let _using = self.using()?;
        let Some(file) = self.open_now(path)? else { return Ok(None) };
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        rustix::fs::futimens(&file, &Timestamps { last_access: now, last_modification: now })
            .map_err(|e| Error::io("touch", path)(e.into()))?;
        Ok(Some(file))
    }

    /// Opens an object that belongs to one just marked as used; none if it is not there.
    pub fn open(&self, path: &Path) -> Result<Option<File>, Error> {
        self.settle(path)?;
        self.open_now(path)
    }

    fn open_now(&self, path: &Path) -> Result<Option<File>, Error> {
        let flags = OFlags::NOFOLLOW.bits() as i32;
        match OpenOptions::new().read(true).custom_flags(flags).open(path) {
            Ok(file) => Ok(Some(file)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io("open", path)(e)),
        }
    }

    /// The size of an object that belongs to one just marked as used; none if it is not there.
    pub fn size(&self, path: &Path) -> Result<Option<u64>, Error> {
        self.settle(path)?;
        self.size_now(path)
    }

    fn size_now(&self, path: &Path) -> Result<Option<u64>, Error> {
        match fs::symlink_metadata(path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io("look at", path)(e)),
        }
    }

    /// Marks an object as used now; its size, or none if it is not there.
    pub fn touch(&self, path: &Path) -> Result<Option<u64>, Error> {
        let Some(file) = self.open_used(path)? else { return Ok(None) };
        Ok(Some(file.metadata().map_err(Error::io("look at", path))?.len()))
    }

    /// A temporary file on the store's file system.
    pub fn temp_file(&self) -> Result<TempFile, Error> {
        let dir = self.process.dir();
        if self.anonymous {
            let flags = OFlags::TMPFILE.bits() as i32;
            match OpenOptions::new().read(true).write(true).mode(0o600).custom_flags(flags).open(dir) {
                Ok(file) => return Ok(TempFile { file, path: None }),
                // File systems without it say so in different ways.
                Err(e) if e.kind() == io::ErrorKind::StorageFull => {
                    return Err(Error::io("create a file in", dir)(e));
                }
                Err(_) => {}
            }
        }
        self.named_temp_file()
    }

    /// A temporary file that has a name from the start, as one that is to replace another must.
    pub fn named_temp_file(&self) -> Result<TempFile, Error> {
        let path = self.process.fresh();
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(Error::io("create", &path))?;
        Ok(TempFile { file, path: Some(path) })
    }

    fn link(&self, file: &File, to: &Path) -> io::Result<()> {
        use std::os::fd::AsRawFd as _;
        let from = format!("/proc/self/fd/{}", file.as_raw_fd());
        let at = rustix::fs::CWD;
        Ok(rustix::fs::linkat(at, &from, at, to, AtFlags::SYMLINK_FOLLOW)?)
    }

    /// Gives a temporary file its name; false if the name is taken, and stays so.
    pub fn publish_new(&self, temp: &mut TempFile, to: &Path) -> Result<bool, Error> {
        let _naming = self.unsynced.naming();
        self.unsynced.add(&self.process, to)?;
        let done = match &temp.path {
            None => self.link(&temp.file, to),
            // A link, unlike a rename, never replaces, on every file system that has links at all.
            Some(path) => fs::hard_link(path, to),
        };
        match done {
            Ok(()) => {
                if let Some(path) = temp.path.take() {
                    let _ = fs::remove_file(path);
                }
                Ok(true)
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(e) => Err(Error::io("create", to)(e)),
        }
    }

    /// Gives a blob, whose bytes have that digest, its name.
    pub fn publish_blob(&self, temp: &mut TempFile, digest: &Digest) -> Result<(), Error> {
        let path = self.layout.blob(digest);
        while !self.publish_new(temp, &path)? {
            // Somebody else has made the same blob: that is as good, if it is whole.
            let Some(there) = self.open_used_now(&path)? else { continue };
            if file_digest(&there) == Some(*digest) {
                break;
            }
            self.heal(ObjectKind::Blob, &path, &there, "its bytes are not those of its digest")?;
        }
        Ok(())
    }

    /// Gives a temporary file, a named one, its name, in place of what has it.
    pub fn publish_over(&self, temp: &mut TempFile, to: &Path) -> Result<(), Error> {
        let _naming = self.unsynced.naming();
        self.unsynced.add(&self.process, to)?;
        if let Some(path) = &temp.path {
            fs::rename(path, to).map_err(Error::io("rename a file to", to))?;
            temp.path = None;
        }
        Ok(())
    }

    /// Removes a damaged file, unless another one has taken its name meanwhile, and notes it.
    pub fn heal(
        &self,
        object: ObjectKind,
        path: &Path,
        damaged: &File,
        reason: impl Into<String>,
    ) -> Result<(), Error> {
        let _removing = self.removing()?;
        let was = damaged.metadata().map_err(Error::io("look at", path))?;
        if fs::symlink_metadata(path).is_ok_and(|now| (now.dev(), now.ino()) == (was.dev(), was.ino())) {
            fs::remove_file(path).map_err(Error::io("remove", path))?;
            self.note(object, path, reason);
        }
        Ok(())
    }

    /// Removes a file, if it is there.
    pub fn remove(&self, path: &Path) -> Result<bool, Error> {
        match fs::remove_file(path) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(Error::io("remove", path)(e)),
        }
    }
}
