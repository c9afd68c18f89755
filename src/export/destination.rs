//! Where an output goes, and how a file gets there whole.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::error::Error;

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
    File(NamedTempFile, PathBuf),
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
        let file = temporary_file(directory)?;
        Ok(Sink::File(file, path))
    }

    /// Where files that are needed on the way may be put: on the file system of the destination.
    pub fn directory(&self) -> Option<&Path> {
        match self {
            Sink::File(_, path) => Some(directory_of(path)),
            Sink::Direct(..) | Sink::Stdout(_) => None,
        }
    }

    /// Copies all of `from`.
    pub(super) fn copy(&mut self, from: Source) -> Result<u64, Error> {
        let copied = match self {
            Sink::File(file, _) => from.copy_to_file(file.as_file_mut()),
            Sink::Direct(file, _) => from.copy_to_file(file),
            Sink::Stdout(out) => from.copy_to(*out),
        };
        copied.map_err(|e| self.error(e))
    }

    /// Says of an error in writing where it happened.
    pub fn error(&self, source: io::Error) -> Error {
        match self {
            Sink::File(_, path) | Sink::Direct(_, path) => {
                Error::Destination { doing: "write", path: path.clone(), source }
            }
            Sink::Stdout(_) => Error::Stdout(source),
        }
    }

    /// Gives the file its name.
    pub fn finish(self) -> Result<(), Error> {
        match self {
            Sink::File(file, path) => {
                file.persist(&path).map_err(|e| Error::destination("make", path)(e.error))?;
                Ok(())
            }
            Sink::Direct(mut file, path) => file.flush().map_err(Error::destination("write", path)),
            Sink::Stdout(out) => out.flush().map_err(Error::Stdout),
        }
    }
}

/// Bytes on their way to a destination.
pub(super) enum Source {
    /// A whole file that needs no look: the kernel copies it, or shares its blocks where the file system can.
    File(File),
    /// Bytes that are checked as they are read.
    Stream(Box<dyn Read>),
}

impl Source {
    /// Copies all of it into a file, from where that stands.
    pub(super) fn copy_to_file(self, to: &mut File) -> io::Result<u64> {
        match self {
            Source::File(mut file) => io::copy(&mut file, to),
            stream => stream.copy_to(to),
        }
    }

    fn copy_to(self, to: &mut dyn Write) -> io::Result<u64> {
        let mut from: Box<dyn Read> = match self {
            Source::File(file) => Box::new(file),
            Source::Stream(stream) => stream,
        };
        let mut buffer = vec![0; 1 << 18];
        let mut copied = 0;
        loop {
            match from.read(&mut buffer) {
                Ok(0) => return Ok(copied),
                Ok(count) => {
                    to.write_all(&buffer[..count])?;
                    copied += count as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Sink::File(file, _) => file.write(bytes),
            Sink::Direct(file, _) => file.write(bytes),
            Sink::Stdout(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Sink::File(file, _) => file.flush(),
            Sink::Direct(file, _) => file.flush(),
            Sink::Stdout(out) => out.flush(),
        }
    }
}

/// A file under a name of its own, with the mode that the user's umask gives.
pub fn temporary_file(directory: &Path) -> Result<NamedTempFile, Error> {
    tempfile::Builder::new()
        .prefix(".rbuild-")
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(directory)
        .map_err(Error::destination("make a file in", directory))
}

/// Writes a small file so that it is there whole or not at all.
pub fn put_file(path: &Path, mut bytes: &[u8]) -> Result<(), Error> {
    let mut file = temporary_file(directory_of(path))?;
    io::copy(&mut bytes.by_ref(), &mut file).map_err(Error::destination("write", path))?;
    file.persist(path).map_err(|e| Error::destination("make", path)(e.error))?;
    Ok(())
}

/// The directory that `path` is or will be in.
pub(super) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
