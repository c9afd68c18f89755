//! Bytes on their way out.

use std::fs::File;
use std::io::{self, Read, Write};

/// Bytes on their way to a destination.
pub(super) enum Outgoing {
    /// A whole file that needs no look: the kernel copies it, or shares its blocks where the file system can.
    File(File),
    /// Bytes that are checked as they are read.
    Stream(Box<dyn Read>),
}

impl Outgoing {
    /// Copies all of it.
    pub fn copy_to(self, to: &mut dyn Write) -> io::Result<u64> {
        let mut from: Box<dyn Read> = match self {
            Outgoing::File(file) => Box::new(file),
            Outgoing::Stream(stream) => stream,
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
