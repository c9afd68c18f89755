//! Where an output goes, and how a file gets there whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::error::Error;
use super::outgoing::Outgoing;
use super::whole_file::{WholeFile, directory_of};

/// Where an output goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A file or directory on the host.
    Path(PathBuf),
    /// Standard output (`-`), for outputs that are one stream.
    Stdout,
}

/// One stream on its way to its destination.
pub enum Sink<'out> {
    /// Has its name only once it is whole.
    File(WholeFile),
    /// A pipe or a device: there is no other name for it.
    Direct(File, PathBuf),
    /// Standard output.
    Stdout(&'out mut dyn Write),
}

impl<'out> Sink<'out> {
    /// Opens the destination; nothing is to be seen there yet.
    pub fn open(to: &Destination, stdout: &'out mut dyn Write) -> Result<Sink<'out>, Error> {
        let path = match to {
            Destination::Stdout => return Ok(Sink::Stdout(stdout)),
            Destination::Path(path) => path,
        };
        match fs::metadata(path) {
            Ok(there) if there.is_dir() => {
                let reason = "is a directory, and the output is one file: give a file name, or tar=false";
                return Err(Error::Kind { path: path.clone(), reason });
            }
            Ok(there) if !there.is_file() => {
                let file =
                    File::options().write(true).open(path).map_err(Error::destination("open", path))?;
                return Ok(Sink::Direct(file, path.clone()));
            }
            _ => {}
        }
        // What a symbolic link points to is replaced, not the link.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        let directory = directory_of(&path);
        fs::create_dir_all(directory).map_err(Error::destination("make", directory))?;
        Ok(Sink::File(WholeFile::new(&path)?))
    }

    /// Where files that are needed on the way may be put: on the file system of the destination.
    pub fn directory(&self) -> Option<&Path> {
        match self {
            Sink::File(file) => Some(directory_of(file.path())),
            Sink::Direct(..) | Sink::Stdout(_) => None,
        }
    }

    /// Copies all of `from`.
    pub(super) fn copy(&mut self, from: Outgoing) -> Result<u64, Error> {
        let copied = match self {
            Sink::File(file) => file.copy(from),
            Sink::Direct(file, _) => from.copy_to(file),
            Sink::Stdout(out) => from.copy_to(*out),
        };
        copied.map_err(|e| self.error(e))
    }

    /// Says of an error in writing where it happened.
    pub fn error(&self, source: io::Error) -> Error {
        match self {
            Sink::File(file) => Error::destination("write", file.path())(source),
            Sink::Direct(_, path) => Error::destination("write", path)(source),
            Sink::Stdout(_) => Error::Stdout(source),
        }
    }

    /// Gives the file its name.
    pub fn finish(self) -> Result<(), Error> {
        match self {
            Sink::File(file) => file.finish(),
            Sink::Direct(mut file, path) => file.flush().map_err(Error::destination("write", path)),
            Sink::Stdout(out) => out.flush().map_err(Error::Stdout),
        }
    }
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Sink::File(file) => file.write(bytes),
            Sink::Direct(file, _) => file.write(bytes),
            Sink::Stdout(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Sink::File(file) => file.flush(),
            Sink::Direct(file, _) => file.flush(),
            Sink::Stdout(out) => out.flush(),
        }
    }
}
