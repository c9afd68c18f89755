//! The names under which snapshots stand, and which of them are whole.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, fstat, openat, renameat};
use rustix::io::Errno;

use super::cursor::DIRECTORY;
use super::error::Error;
use super::flushing::Flushing;
use super::lock;
use super::marker::Marker;
use super::remove::remove_path;

/// The directory of snapshots: `NAME` is a snapshot, `NAME.sealed` its marker, `NAME.lock` its lock. What is in the making
/// is in `tmp`, so that a build that looks for what dead ones left there reads no name of what is finished.
#[derive(Debug)]
pub(super) struct Shelf {
    /// The directory itself.
    pub directory: PathBuf,
    opened: OwnedFd,
}

/// Where in it is what is in the making.
const MAKING: &str = "tmp";

impl Shelf {
    /// Opens the directory, making it if need be.
    pub(super) fn open(directory: &Path) -> Result<Shelf, Error> {
        let making = directory.join(MAKING);
        fs::create_dir_all(&making).map_err(Error::host("make", making))?;
        let opened =
            openat(CWD, directory, DIRECTORY, Mode::empty()).map_err(Error::host("open", directory))?;
        Ok(Shelf { directory: directory.to_path_buf(), opened })
    }

    /// Removes what dead processes left. What cannot be removed (it may belong to another user namespace) stays.
    pub(super) fn sweep(&self) -> Result<(), Error> {
        let making = self.path(MAKING);
        let entries = fs::read_dir(&making).map_err(Error::host("read", making))?;
        for entry in entries.flatten() {
            if let Some(_held) = lock::take_abandoned(&entry.path())? {
                let _ = remove_path(&entry.path());
            }
        }
        Ok(())
    }

    /// Where the snapshot of that name stands.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Waits until nobody else makes the snapshot of that name.
    pub(super) fn lock(&self, name: &str) -> Result<fs::File, Error> {
        lock::wait(&self.path(&format!("{name}.lock")))
    }

    /// A fresh directory of its own, locked as long as the descriptor is open.
    pub(super) fn temporary(&self) -> Result<(PathBuf, OwnedFd), Error> {
        let process = std::process::id();
        for number in 0_u64.. {
            let path = self.path(MAKING).join(format!("{process}-{number}"));
            if let Some(held) = lock::make_directory(&path)? {
                return Ok((path, held));
            }
        }
        unreachable!("numbers do not end")
    }

    /// The marker of a snapshot that is there.
    pub(super) fn marker(&self, name: &str) -> Option<Marker> {
        let marker = Marker::parse(&fs::read_to_string(self.path(&format!("{name}.sealed"))).ok()?)?;
        self.path(name).is_dir().then_some(marker)
    }

    /// Writes the marker: from now on the snapshot is used.
    pub(super) fn seal(&self, name: &str, marker: &Marker) -> Result<(), Error> {
        let path = self.path(&format!("{name}.sealed"));
        // Whoever holds the lock of `name` is alone with this name.
        let temporary = self.path(&format!("{name}.sealing"));
        fs::write(&temporary, marker.render()).map_err(Error::host("write", &temporary))?;
        fs::rename(&temporary, &path).map_err(Error::host("make", &path))
    }

    /// Removes a snapshot, its marker first, so that what is left of it is never used.
    pub(super) fn remove(&self, name: &str) -> Result<(), Error> {
        let marker = self.path(&format!("{name}.sealed"));
        match fs::remove_file(&marker) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::Host { doing: "remove", path: marker, source: e });
            }
            _ => {}
        }
        let path = self.path(name);
        let Err(errno) = remove_path(&path) else { return Ok(()) };
        // Files of ids that this namespace does not map: out of the way, for a sweep with more rights.
        for number in 0..1000 {
            let aside = self.path(MAKING).join(format!("stale-{}-{number}", std::process::id()));
            match renameat(&self.opened, name, CWD, &aside) {
                Err(Errno::EXIST | Errno::NOTEMPTY) => {}
                Err(_) => break,
                Ok(()) => return Ok(()),
            }
        }
        Err(Error::host("remove", path)(errno))
    }

    /// Whoever writes here in quantity tells it.
    pub(super) fn flushing(&self) -> Option<Flushing> {
        self.opened.try_clone().ok().map(Flushing::new)
    }

    /// Writes the whole file system that the snapshots are on to disk; its device number.
    pub(super) fn sync(&self) -> Result<u64, Error> {
        rustix::fs::syncfs(&self.opened).map_err(Error::host("sync", &self.directory))?;
        Ok(fstat(&self.opened).map_err(Error::host("read", &self.directory))?.st_dev)
    }
}
