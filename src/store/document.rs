//! Framed documents: lists, records, names. They say of themselves whether they are whole.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use super::disk::Disk;
use super::error::Error;
use super::frame::{self, Kind};

/// LIMIT: most records are smaller, and there are many of them.
const SMALL: usize = 4096;

/// Reads a framed document, and at most one byte more than `limit`. A small one that is whole is one call.
fn read_framed(mut file: &File, limit: u64, framed: &mut Vec<u8>) -> io::Result<()> {
    let mut small = [0; SMALL];
    let read = loop {
        match file.read(&mut small) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            read => break read?,
        }
    };
    framed.extend_from_slice(&small[..read]);
    // With room left over, what came is all there is, if it says so itself.
    if read < SMALL && frame::is_complete(framed) {
        return Ok(());
    }
    let size = file.metadata().map_or(0, |m| m.len()).min(limit) as usize;
    framed.reserve_exact(size.saturating_sub(framed.len()) + 1);
    file.take(limit + 1 - framed.len() as u64).read_to_end(framed)?;
    Ok(())
}

impl Disk {
    /// Writes a framed document, in place of what is there.
    pub fn write_framed(&self, kind: Kind, name: &[u8], to: &Path, payload: &[u8]) -> Result<(), Error> {
        let size = payload.len() as u64;
        if size > kind.limit() {
            let what = to.display().to_string();
            return Err(Error::TooLarge { what, size, limit: kind.limit() });
        }
        let mut temp = self.named_temp_file()?;
        let failed = |e| Error::io_of("write", to, Some(size), e);
        let mut framed = Vec::with_capacity(frame::HEADER + payload.len().min(SMALL));
        framed.extend(frame::header(kind, name, payload));
        let (first, rest) = payload.split_at(payload.len().min(SMALL));
        framed.extend(first);
        temp.file.write_all(&framed).map_err(failed)?;
        temp.file.write_all(rest).map_err(failed)?;
        self.publish_over(&mut temp, to)
    }

    /// Reads a framed document and marks it as used; a damaged one is removed and counts as absent.
    pub fn read_framed(&self, kind: Kind, name: &[u8], path: &Path) -> Result<Option<Vec<u8>>, Error> {
        self.open_used(path)?.map_or(Ok(None), |file| self.read_open(&file, kind, name, path))
    }

    /// The same for an object that belongs to one just marked as used.
    pub fn read_framed_of(&self, kind: Kind, name: &[u8], path: &Path) -> Result<Option<Vec<u8>>, Error> {
        self.open(path)?.map_or(Ok(None), |file| self.read_open(&file, kind, name, path))
    }

    fn read_open(&self, file: &File, kind: Kind, name: &[u8], path: &Path) -> Result<Option<Vec<u8>>, Error> {
        let limit = kind.limit() + frame::HEADER as u64;
        let mut framed = Vec::new();
        let opened = match read_framed(file, limit, &mut framed) {
            Ok(_) if framed.len() as u64 > limit => Err("it is too large".to_string()),
            Ok(_) => frame::open(kind, name, framed),
            // A sector that cannot be read is damage too.
            Err(e) => Err(e.to_string()),
        };
        match opened {
            Ok(payload) => Ok(Some(payload)),
            Err(reason) => {
                self.heal(kind.into(), path, file, reason)?;
                Ok(None)
            }
        }
    }

    /// Reads a framed document without marking it as used, or removing it if it is damaged.
    pub fn peek_framed(&self, kind: Kind, name: &[u8], path: &Path) -> Option<Vec<u8>> {
        let mut framed = Vec::new();
        let limit = kind.limit() + frame::HEADER as u64;
        File::open(path).ok()?.take(limit + 1).read_to_end(&mut framed).ok()?;
        frame::open(kind, name, framed).ok()
    }
}
