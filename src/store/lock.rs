//! File locks: `flock`, which the kernel frees when its holder dies.
//!
//! **Invariant**: a lock is only held on the file that has the path *now*: whoever removes a lock file holds it
//! exclusively, and whoever got a lock on a removed file tries again.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::error::Error;

/// A lock, held until dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

/// Alone, or with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// With others that share it.
    Shared,
    /// Alone.
    Exclusive,
}

impl Lock {
    /// Waits for the lock. For locks that are held for moments only.
    pub fn wait(path: &Path, mode: Mode) -> Result<Lock, Error> {
        let operation = match mode {
            Mode::Shared => FlockOperation::LockShared,
            Mode::Exclusive => FlockOperation::LockExclusive,
        };
        loop {
            if let Some(lock) = Lock::attempt(path, operation)? {
                return Ok(lock);
            }
        }
    }

    /// Takes the lock if nobody is in the way.
    pub fn try_take(path: &Path, mode: Mode) -> Result<Option<Lock>, Error> {
        let operation = match mode {
            Mode::Shared => FlockOperation::NonBlockingLockShared,
            Mode::Exclusive => FlockOperation::NonBlockingLockExclusive,
        };
        Lock::attempt(path, operation)
    }

    /// Waits for the lock, asking `canceled` now and then; none when it says so. The flag says whether there was a wait.
    pub fn wait_unless(
        path: &Path,
        mode: Mode,
        canceled: &dyn Fn() -> bool,
    ) -> Result<Option<(Lock, bool)>, Error> {
        // A blocking flock cannot be given up from another thread, so this asks again and again, less and less often.
        let mut pause = Duration::from_millis(2);
        let mut waited = false;
        loop {
            if let Some(lock) = Lock::try_take(path, mode)? {
                return Ok(Some((lock, waited)));
            }
            if canceled() {
                return Ok(None);
            }
            waited = true;
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }

    fn attempt(path: &Path, operation: FlockOperation) -> Result<Option<Lock>, Error> {
        let failed = Error::io("lock", path);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32)
            .open(path)
            .map_err(&failed)?;
        loop {
            match rustix::fs::flock(&file, operation) {
                Ok(()) => break,
                Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) => return Ok(None),
                Err(e) => return Err(failed(e.into())),
            }
        }
        let held = file.metadata().map_err(&failed)?;
        match std::fs::symlink_metadata(path) {
            Ok(now) if (now.dev(), now.ino()) == (held.dev(), held.ino()) => {
                Ok(Some(Lock { file, path: path.to_path_buf() }))
            }
            Ok(_) => Lock::attempt(path, operation),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Lock::attempt(path, operation),
            Err(e) => Err(failed(e)),
        }
    }

    /// The locked file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Removes the lock's file and gives the lock up. Only for exclusive locks.
    pub fn remove(self) {
        // If this fails, an empty file stays, which the next holder removes.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A lock's content, whoever panicked while holding it: what it guards is whole after every statement.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exclusive_lock_excludes_and_a_shared_one_shares() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = Lock::wait(&path, Mode::Shared).unwrap();
        assert!(Lock::try_take(&path, Mode::Shared).unwrap().is_some());
        assert!(Lock::try_take(&path, Mode::Exclusive).unwrap().is_none());
        drop(first);
        assert!(Lock::try_take(&path, Mode::Exclusive).unwrap().is_some());
    }

    #[test]
    fn a_lock_on_a_removed_file_is_no_lock() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let holders = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let lock = Lock::wait(&path, Mode::Exclusive).unwrap();
                        assert_eq!(holders.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                        holders.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                        lock.remove();
                    }
                });
            }
        });
    }

    #[test]
    fn waiting_ends_when_it_is_canceled() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let _held = Lock::wait(&path, Mode::Exclusive).unwrap();
        assert!(Lock::wait_unless(&path, Mode::Exclusive, &|| true).unwrap().is_none());
    }
}
