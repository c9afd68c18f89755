//! Logs: the whole output of a step, by its key.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::disk::{Disk, TempFile};
use super::error::Error;
use super::open::Store;
use crate::oci::Digest;

/// A log in the making: it gets its name when finished or dropped, so that a failed step's log stays too.
pub struct LogWriter {
    disk: Arc<Disk>,
    /// Made by the first byte: most steps say nothing.
    temp: Option<TempFile>,
    path: PathBuf,
    named: bool,
}

impl LogWriter {
    /// Gives the log its name and says it; none if nothing was written.
    pub fn finish(mut self) -> Result<Option<PathBuf>, Error> {
        self.name()
    }

    fn name(&mut self) -> Result<Option<PathBuf>, Error> {
        if std::mem::replace(&mut self.named, true) {
            return Ok(None);
        }
        match &mut self.temp {
            Some(temp) => self.disk.publish_over(temp, &self.path).map(|()| Some(self.path.clone())),
            // What an earlier run wrote is not what this one did.
            None => self.disk.remove(&self.path).map(|_| None),
        }
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        let _ = self.name();
    }
}

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let temp = match &mut self.temp {
            Some(temp) => temp,
            none => none.insert(self.disk.named_temp_file().map_err(io::Error::other)?),
        };
        let n = temp.file.write(bytes)?;
        self.disk.unsynced.count(n as u64);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Store {
    /// Starts the log of the step with that key, in place of an earlier one.
    pub fn log_writer(&self, key: &Digest) -> LogWriter {
        let path = self.disk.layout.log(key);
        LogWriter { disk: Arc::clone(&self.disk), temp: None, path, named: false }
    }

    /// The log of the step with that key.
    pub fn open_log(&self, key: &Digest) -> Result<Option<File>, Error> {
        self.disk.open_used(&self.disk.layout.log(key))
    }
}
