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
    temp: TempFile,
    path: PathBuf,
    named: bool,
}

impl LogWriter {
    /// Gives the log its name and says it.
    pub fn finish(mut self) -> Result<PathBuf, Error> {
        self.named = true;
        self.disk.publish_over(&mut self.temp, &self.path)?;
        Ok(self.path.clone())
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        if !self.named {
            let _ = self.disk.publish_over(&mut self.temp, &self.path);
        }
    }
}

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.temp.file.write(bytes)?;
        self.disk.unsynced.count(n as u64);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Store {
    /// Starts the log of the step with that key, in place of an earlier one.
    pub fn log_writer(&self, key: &Digest) -> Result<LogWriter, Error> {
        let temp = self.disk.named_temp_file()?;
        let path = self.disk.layout.log(key);
        Ok(LogWriter { disk: Arc::clone(&self.disk), temp, path, named: false })
    }

    /// The log of the step with that key.
    pub fn open_log(&self, key: &Digest) -> Result<Option<File>, Error> {
        self.disk.open_used(&self.disk.layout.log(key))
    }
}
