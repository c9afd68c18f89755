//! A file that is there whole or not at all, after a power cut too.

use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use tempfile::NamedTempFile;

use super::error::Error;
use super::outgoing::Outgoing;
use crate::sys::writeback::begin_writeback;

/// LIMIT: ours. So much goes to the disk at once, beside the writing of what comes after it.
const WRITEBACK: u64 = 16 << 20;

/// A file on its way. It gets its name once all of its bytes are on the disk: whoever looks finds what was there before, or all
/// of it.
pub struct WholeFile {
    file: NamedTempFile,
    path: PathBuf,
    written: u64,
    /// How many of those the disk was given.
    begun: u64,
}

impl WholeFile {
    /// A file under a name of its own beside `path`, with the mode that the user's umask gives.
    pub fn new(path: &Path) -> Result<WholeFile, Error> {
        let directory = directory_of(path);
        let file = tempfile::Builder::new()
            .prefix(".rbuild-")
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(directory)
            .map_err(Error::destination("make a file in", directory))?;
        Ok(WholeFile { file, path: path.to_path_buf(), written: 0, begun: 0 })
    }

    /// Where it will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Copies all of `from`.
    pub(super) fn copy(&mut self, from: Outgoing) -> io::Result<u64> {
        let Outgoing::File(from) = from else { return from.copy_to(self) };
        let mut copied = 0;
        loop {
            // From file to file, so that the kernel does it.
            match io::copy(&mut (&from).take(WRITEBACK), self.file.as_file_mut())? {
                0 => return Ok(copied),
                count => {
                    copied += count;
                    self.count(count);
                }
            }
        }
    }

    /// Gives it its name.
    pub fn finish(self) -> Result<(), Error> {
        on_disk(self.file.as_file()).map_err(Error::destination("write", &self.path))?;
        self.file.persist(&self.path).map_err(|e| Error::destination("make", self.path)(e.error))?;
        Ok(())
    }

    fn count(&mut self, count: u64) {
        self.written += count;
        if self.written - self.begun >= WRITEBACK {
            begin_writeback(self.file.as_file().as_fd(), self.begun, self.written - self.begun);
            self.begun = self.written;
        }
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.count(count as u64);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes a small file whole.
pub fn put_file(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut file = WholeFile::new(path)?;
    file.write_all(bytes).map_err(Error::destination("write", path))?;
    file.finish()
}

/// Waits for the bytes. A file system that knows of no disk has nothing to wait for.
fn on_disk(file: &File) -> io::Result<()> {
    match rustix::fs::fdatasync(file) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(()),
        done => Ok(done?),
    }
}

/// The directory that `path` is or will be in.
pub(super) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
