//! Images into an image layout directory. SPEC: image-spec image-layout.md.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::entries::{entries, render};
use super::error::Error;
use super::mover::Mover;
use super::origin::{Blob, Origin, digest_of};
use super::spool::{ATTEMPTS, is_corrupt};
use super::target::Target;
use super::whole::Whole;
use crate::export::{WholeFile, put_file};
use crate::image::{Document, blob_path, layout_marker};
use crate::oci::{Digest, descriptor_digest, read_index};

/// A layout under way. Blobs come first, then `index.json` is exchanged: a reader finds all that it names at any time, and
/// images that were there before stay.
pub(super) struct LayoutTarget {
    directory: PathBuf,
    /// Two writers of one layout would lose one's names.
    _held: File,
}

impl LayoutTarget {
    /// Opens the layout at `to`, or makes one.
    pub fn new(to: &Path) -> Result<LayoutTarget, Error> {
        if fs::metadata(to).is_ok_and(|there| !there.is_dir()) {
            let reason = "is not a directory; an archive is written to oci-archive:FILE";
            return Err(Error::form(to.display().to_string(), reason));
        }
        let is_foreign = !to.join("oci-layout").exists()
            && fs::read_dir(to).is_ok_and(|mut entries| entries.next().is_some())
            && !to.join("blobs").exists();
        if is_foreign {
            let reason = "is a directory with other things in it: give a new one, or an image layout";
            return Err(Error::form(to.display().to_string(), reason));
        }
        let blobs = to.join("blobs/sha256");
        fs::create_dir_all(&blobs).map_err(Error::io("make", &blobs))?;
        let held = File::open(to).map_err(Error::io("open", to))?;
        flock(&held, FlockOperation::LockExclusive).map_err(|e| Error::io("lock", to)(e.into()))?;
        Ok(LayoutTarget { directory: to.to_path_buf(), _held: held })
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.directory.join(blob_path(digest))
    }

    fn blob(&self, blob: &Blob, from: &dyn Origin, by: &Mover<'_>) -> Result<(), Error> {
        let path = self.path(&blob.digest);
        if is_there(&path, &blob.digest, blob.descriptor.size()) {
            return Ok(());
        }
        let told = by.told(blob.digest, blob.descriptor.size());
        let mut attempt = 1;
        loop {
            let mut out = io::BufWriter::with_capacity(1 << 18, WholeFile::new(&path)?);
            match from.blob(blob, &mut out, &told) {
                Err(error) if is_corrupt(&error) && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
                Ok(()) => {
                    out.flush().map_err(Error::io("write", &path))?;
                    let file = out.into_inner().map_err(|e| Error::io("write", &path)(e.into_error()))?;
                    return Ok(file.finish()?);
                }
            }
        }
    }
}

/// Whether the file has exactly these bytes.
fn is_there(path: &Path, digest: &Digest, size: u64) -> bool {
    let Ok(mut file) = File::open(path) else { return false };
    file.metadata().is_ok_and(|there| there.is_file() && there.len() == size)
        && digest_of(&mut file).is_ok_and(|actual| actual == *digest)
}

impl Target for LayoutTarget {
    fn blobs(&mut self, blobs: &[Blob], from: &dyn Origin, by: &Mover<'_>) -> Result<(), Error> {
        by.in_parallel(blobs, |blob| self.blob(blob, from, by)).map(drop)
    }

    fn document(&mut self, document: &Document) -> Result<(), Error> {
        let digest = descriptor_digest(&document.descriptor)?;
        let path = self.path(&digest);
        if !is_there(&path, &digest, document.bytes.len() as u64) {
            put_file(&path, &document.bytes)?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>, images: &[Whole], _: &Mover<'_>) -> Result<(), Error> {
        put_file(&self.directory.join("oci-layout"), layout_marker())?;
        let path = self.directory.join("index.json");
        let old = match fs::read(&path) {
            Ok(bytes) => read_index(&bytes)
                .map_err(|e| Error::form(path.display().to_string(), e.to_string()))?
                .manifests()
                .clone(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(Error::io("read", path)(e)),
        };
        let new = images.iter().flat_map(entries).collect();
        Ok(put_file(&path, &render(old, new))?)
    }
}
