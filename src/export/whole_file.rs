//! A file that is there whole or not at all, after a power cut too.

use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, openat};
use rustix::io::Errno;
use rustix::rand::GetRandomFlags;
use tempfile::NamedTempFile;

use super::error::Error;
use super::outgoing::Outgoing;
use crate::sys::writeback::begin_writeback;

/// LIMIT: ours. So much goes to the disk at once, beside the writing of what comes after it.
const WRITEBACK: u64 = 16 << 20;

/// What names begin with that stand for moments.
const PREFIX: &str = ".rbuild-";

/// Less the user's umask.
const MODE: u32 = 0o666;

/// A file on its way. It gets its name once all of its bytes are on the disk: whoever looks finds what was there before, or all
/// of it.
pub struct WholeFile {
    making: Making,
    path: PathBuf,
    written: u64,
    /// How many of those the disk was given.
    begun: u64,
}

enum Making {
    /// Without a name: nothing stays of it if this process dies.
    Unnamed(File),
    /// Where a file system has no such files: under a name of its own.
    Named(NamedTempFile),
}

impl WholeFile {
    /// A file beside `path`, with the mode that the user's umask gives.
    pub fn new(path: &Path) -> Result<WholeFile, Error> {
        let unnamed = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        match openat(CWD, directory_of(path), unnamed, Mode::from_raw_mode(MODE)) {
            // It gets its name by way of /proc.
            Ok(file) if Path::new("/proc/self/fd").exists() => {
                Ok(WholeFile::making(Making::Unnamed(file.into()), path))
            }
            // File systems without it say so in different ways.
            _ => WholeFile::named(path),
        }
    }

    fn named(path: &Path) -> Result<WholeFile, Error> {
        let directory = directory_of(path);
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX).permissions(Permissions::from_mode(MODE));
        let file = builder.tempfile_in(directory).map_err(Error::destination("make a file in", directory))?;
        Ok(WholeFile::making(Making::Named(file), path))
    }

    fn making(making: Making, path: &Path) -> WholeFile {
        WholeFile { making, path: path.to_path_buf(), written: 0, begun: 0 }
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
            match io::copy(&mut (&from).take(WRITEBACK), &mut self.file())? {
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
        on_disk(self.file()).map_err(Error::destination("write", &self.path))?;
        let named = match self.making {
            Making::Unnamed(file) => name(&file, &self.path),
            Making::Named(file) => file.persist(&self.path).map(drop).map_err(|e| e.error),
        };
        named.map_err(Error::destination("make", self.path))
    }

    fn file(&self) -> &File {
        match &self.making {
            Making::Unnamed(file) => file,
            Making::Named(file) => file.as_file(),
        }
    }

    fn count(&mut self, count: u64) {
        self.written += count;
        if self.written - self.begun >= WRITEBACK {
            begin_writeback(self.file().as_fd(), self.begun, self.written - self.begun);
            self.begun = self.written;
        }
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file().write(bytes)?;
        self.count(count as u64);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file().flush()
    }
}

/// Writes a small file whole.
pub fn put_file(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut file = WholeFile::new(path)?;
    file.write_all(bytes).map_err(Error::destination("write", path))?;
    file.finish()
}

/// Gives a file without a name that of `path`, in place of what has it.
fn name(file: &File, path: &Path) -> io::Result<()> {
    let from = format!("/proc/self/fd/{}", file.as_raw_fd());
    let mut random = [0; 8];
    rustix::rand::getrandom(&mut random, GetRandomFlags::empty())?;
    // A link replaces nothing, a rename does.
    let between = directory_of(path).join(format!("{PREFIX}{:016x}", u64::from_le_bytes(random)));
    linkat(CWD, &from, CWD, &between, AtFlags::SYMLINK_FOLLOW)?;
    std::fs::rename(&between, path).inspect_err(|_| drop(std::fs::remove_file(&between)))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What lies in a directory, by name, with its mode.
    fn there(directory: &Path) -> Vec<(String, u32)> {
        let files = std::fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry"));
        let mode = |entry: &std::fs::DirEntry| entry.metadata().expect("it is there").permissions().mode();
        files.map(|entry| (entry.file_name().to_string_lossy().into_owned(), mode(&entry) & 0o7777)).collect()
    }

    #[test]
    fn with_a_name_or_without_one_meanwhile_a_file_is_there_whole_or_not_at_all() {
        let mut modes = Vec::new();
        for is_named in [false, true] {
            let make = |path: &Path| if is_named { WholeFile::named(path) } else { WholeFile::new(path) };
            let directory = tempfile::tempdir().expect("made");
            let path = directory.path().join("out");
            let begin = |bytes: &[u8]| {
                let mut file = make(&path).expect("made");
                file.write_all(bytes).expect("written");
                file
            };
            drop(begin(b"never finished"));
            assert_eq!(there(directory.path()), []);
            begin(b"first").finish().expect("finished");
            let second = begin(b"second");
            assert_eq!(std::fs::read(&path).expect("read"), b"first");
            second.finish().expect("finished");
            assert_eq!(std::fs::read(&path).expect("read"), b"second");
            modes.extend(there(directory.path()));
        }
        assert_eq!(modes.len(), 2, "{modes:?}");
        assert_eq!(modes[0], modes[1], "one mode, whichever way");
    }
}
