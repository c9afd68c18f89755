//! Which repositories are known to have a blob: a push to the same registry need not send it again.

use super::error::Error;
use super::open::Store;
use crate::oci::{DiffId, Digest};

/// LIMIT: more places than one registry is asked about.
const MOST: usize = 8;

impl Store {
    /// Remembers that `place` (`registry/repository`) has the blob `digest` of a layer.
    pub fn note_blob_origin(&self, digest: &Digest, layer: DiffId, place: &str) -> Result<(), Error> {
        let mut places = self.blob_origins(digest)?;
        if places.first().is_some_and(|first| first == place) {
            return Ok(());
        }
        places.retain(|known| known != place);
        places.insert(0, place.to_string());
        places.truncate(MOST);
        self.put_record(&key(digest), places.join("\n").as_bytes(), &[layer])
    }

    /// The places (`registry/repository`) that had the blob, the last one first. They may have lost it since.
    pub fn blob_origins(&self, digest: &Digest) -> Result<Vec<String>, Error> {
        let Some(bytes) = self.record(&key(digest))? else { return Ok(Vec::new()) };
        Ok(String::from_utf8_lossy(&bytes).lines().map(str::to_string).collect())
    }
}

fn key(digest: &Digest) -> Digest {
    Digest::of(format!("rbuild blob origin, format 1\n{digest}\n").as_bytes())
}
