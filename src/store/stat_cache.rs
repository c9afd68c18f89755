//! Stat caches: what `source` knows of a context's files, as opaque bytes, by the context's path.

use std::path::Path;

use super::error::Error;
use super::store::Store;

impl Store {
    /// What was kept for the context at that absolute path.
    pub fn stat_cache(&self, context: &Path) -> Result<Option<Vec<u8>>, Error> {
        let _ = context;
        todo!()
    }

    /// Keeps `bytes` for the context at that absolute path.
    pub fn put_stat_cache(&self, context: &Path, bytes: &[u8]) -> Result<(), Error> {
        let _ = (context, bytes);
        todo!()
    }
}
