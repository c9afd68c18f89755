//! A blob in a file without a name, on its way from one place to another.

use std::fs::File;
use std::io::{BufWriter, Seek};
use std::path::Path;

use super::error::Error;
use super::mover::Mover;
use super::origin::Origin;
use super::whole::Blob;

/// LIMIT: how often bytes with a wrong digest are fetched anew.
pub(super) const ATTEMPTS: usize = 3;

/// The bytes of `blob`, verified, at the start of a file in `directory`.
pub(super) fn spool(blob: &Blob, from: &dyn Origin, directory: &Path, by: &Mover<'_>) -> Result<File, Error> {
    let told = by.told(blob.digest, blob.descriptor.size());
    let mut attempt = 1;
    loop {
        let file = tempfile::tempfile_in(directory).map_err(Error::io("make a file in", directory))?;
        let mut out = BufWriter::with_capacity(1 << 18, file);
        match from.blob(&blob.descriptor, &mut out, &told) {
            Err(error) if is_corrupt(&error) && attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(error),
            Ok(()) => {
                let mut file =
                    out.into_inner().map_err(|e| Error::io("write a file in", directory)(e.into_error()))?;
                file.rewind().map_err(Error::io("read a file in", directory))?;
                return Ok(file);
            }
        }
    }
}

/// Whether to fetch the same bytes once more may help.
pub(super) fn is_corrupt(error: &Error) -> bool {
    matches!(error, Error::Registry(error) if error.is_corrupt())
}
