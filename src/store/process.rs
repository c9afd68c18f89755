//! A process's place in the store: its temporary directory, and the sweep of what dead processes left.
//!
//! `tmp/BOOT-RANDOM/` holds a `lock`, which its process holds with `flock`; a directory whose lock is free is dead.
//! `tmp/BOOT-RANDOM/unsynced` stands while the process has written what is not durable yet; its time is that of the first
//! such write. When the process ends, or is found dead in the same boot, that becomes `tmp/BOOT.unsynced`. If one of
//! *another* boot is found, the machine went down in between, and what was written since is suspect.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::Error;
use super::lock::{Lock, Mode};

/// A registered process.
#[derive(Debug)]
pub struct Process {
    tmp: PathBuf,
    boot: String,
    dir: PathBuf,
    next: AtomicU64,
    _lock: Lock,
}

const UNSYNCED: &str = "unsynced";

/// Nanoseconds since 1970 of a file's last change of content.
pub fn mtime(metadata: &fs::Metadata) -> i128 {
    i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec())
}

impl Process {
    /// Sweeps `tmp` and registers this process. The time, if any, is that since which everything written is suspect:
    /// `recover` is called with it before anybody else gets in.
    pub fn register(
        tmp: &Path,
        open_lock: &Path,
        recover: &mut dyn FnMut(i128) -> Result<(), Error>,
    ) -> Result<Process, Error> {
        let boot = boot_id();
        let _alone = Lock::wait(open_lock, Mode::Exclusive)?;
        sweep(tmp)?;
        if let Some(since) = suspects(tmp, &boot)? {
            recover(since)?;
            forget_suspects(tmp, &boot)?;
        }
        loop {
            let mut random = [0; 8];
            rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())
                .map_err(|e| Error::io("name a directory in", tmp)(e.into()))?;
            let dir = tmp.join(format!("{boot}-{:016x}", u64::from_le_bytes(random)));
            match fs::DirBuilder::new().mode(0o700).create(&dir) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(e) => return Err(Error::io("create", &dir)(e)),
            }
            let lock = Lock::wait(&dir.join("lock"), Mode::Exclusive)?;
            return Ok(Process { tmp: tmp.to_path_buf(), boot, dir, next: AtomicU64::new(0), _lock: lock });
        }
    }

    /// A path in the process's directory that was never used.
    pub fn fresh(&self) -> PathBuf {
        self.dir.join(self.next.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// The process's directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Notes that something is about to be written that is not durable.
    pub fn mark_unsynced(&self) -> Result<(), Error> {
        let path = self.dir.join(UNSYNCED);
        match File::create_new(&path) {
            Ok(_) => Ok(()),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(e) => Err(Error::io("create", &path)(e)),
        }
    }

    /// Notes that all that this process wrote is durable.
    pub fn mark_synced(&self) {
        // If this fails, more is verified after a power cut than must be.
        let _ = fs::remove_file(self.dir.join(UNSYNCED));
    }

    /// The file that stands while earlier processes of this boot left something that is not durable.
    pub fn leftover(&self) -> PathBuf {
        self.tmp.join(format!("{}.{UNSYNCED}", self.boot))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = hand_over(&self.dir, &self.tmp, &self.boot);
        remove_tree(&self.dir);
    }
}

/// Removes a tree as far as it can be: subordinate ids' files only go inside the user namespace, by a later sweep.
pub fn remove_tree(dir: &Path) {
    if fs::remove_dir_all(dir).is_ok() {
        return;
    }
    // Directories that their owner may not search or write (a RUN made them) are opened first.
    open_up(dir);
    let _ = fs::remove_dir_all(dir);
}

fn open_up(dir: &Path) {
    let _ = fs::set_permissions(dir, fs::Permissions::from_mode(0o700));
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            open_up(&entry.path());
        }
    }
}

fn hand_over(dir: &Path, tmp: &Path, boot: &str) -> io::Result<()> {
    let mine = dir.join(UNSYNCED);
    let shared = tmp.join(format!("{boot}.{UNSYNCED}"));
    let Ok(time) = fs::symlink_metadata(&mine) else { return Ok(()) };
    match fs::symlink_metadata(&shared) {
        // The older time covers both.
        Ok(other) if mtime(&other) <= mtime(&time) => fs::remove_file(&mine),
        _ => fs::rename(&mine, &shared),
    }
}

fn sweep(tmp: &Path) -> Result<(), Error> {
    for entry in list(tmp)? {
        let name = entry.file_name();
        let Some((of, _)) = name.to_str().and_then(|n| n.split_once('-')) else { continue };
        let path = entry.path();
        // No lock file yet means that its process died while it registered: nobody registers beside us. An error means
        // that it is not ours to sweep, such as one of root's.
        let dead = Lock::try_take(&path.join("lock"), Mode::Exclusive).unwrap_or(None);
        if dead.is_some() {
            let _ = hand_over(&path, tmp, of);
            remove_tree(&path);
        }
    }
    Ok(())
}

fn suspects(tmp: &Path, boot: &str) -> Result<Option<i128>, Error> {
    let mut since = None;
    for (path, of) in leftovers(tmp)? {
        if of != boot {
            let time = mtime(&fs::symlink_metadata(&path).map_err(Error::io("look at", &path))?);
            since = Some(since.map_or(time, |s: i128| s.min(time)));
        }
    }
    Ok(since)
}

fn forget_suspects(tmp: &Path, boot: &str) -> Result<(), Error> {
    for (path, of) in leftovers(tmp)? {
        if of != boot {
            fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
}

fn leftovers(tmp: &Path) -> Result<Vec<(PathBuf, String)>, Error> {
    let name = |e: &fs::DirEntry| Some(e.file_name().to_str()?.strip_suffix(".unsynced")?.to_string());
    Ok(list(tmp)?.into_iter().filter_map(|e| Some((e.path(), name(&e)?))).collect())
}

/// What is in a directory, sorted; nothing if there is none.
pub fn list(dir: &Path) -> Result<Vec<fs::DirEntry>, Error> {
    let failed = Error::io("list", dir);
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(failed(e)),
    };
    let mut entries = entries.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    Ok(entries)
}

/// Which boot of the machine this is; without /proc all are one, and nothing is ever suspect.
fn boot_id() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let hex: String = id.chars().filter(char::is_ascii_hexdigit).take(16).collect();
    if hex.is_empty() { "0".to_string() } else { hex }
}
