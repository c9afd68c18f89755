//! After the machine went down: verifies what may have lost its bytes, before anybody uses it.

use std::fs::{self, File};
use std::io::Read as _;

use super::error::Error;
use super::healed::{Healed, ObjectKind};
use super::layout::{Layout, digest_of};
use super::process::{list, mtime};
use crate::oci::{Digest, Hasher};

/// File systems keep times to at worst two seconds.
const GRANULARITY: i128 = 2_000_000_000;

/// Verifies the blobs that were written or used since that time. Framed documents verify themselves whenever they are read,
/// and a snapshot's seal names the boot in which it was made.
pub fn recover(layout: &Layout, since: i128) -> Result<Vec<Healed>, Error> {
    let since = since - GRANULARITY;
    let mut healed = Vec::new();
    for entry in list(&layout.directory("blobs/sha256"))? {
        let path = entry.path();
        let metadata = fs::symlink_metadata(&path).map_err(Error::io("look at", &path))?;
        let Some(digest) = digest_of(&entry.file_name()) else { continue };
        if mtime(&metadata) < since {
            continue;
        }
        let file = File::open(&path).map_err(Error::io("open", &path))?;
        if file_digest(&file) != Some(digest) {
            fs::remove_file(&path).map_err(Error::io("remove", &path))?;
            let reason = "it was not on the disk yet when the machine went down".to_string();
            healed.push(Healed { kind: ObjectKind::Blob, path, reason });
        }
    }
    Ok(healed)
}

/// The digest of a file from where it stands; none if it cannot be read to its end.
pub fn file_digest(mut file: &File) -> Option<Digest> {
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Some(hasher.finish()),
            Ok(n) => hasher.update(&buffer[..n]),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            // A sector that cannot be read is damage.
            Err(_) => return None,
        }
    }
}
