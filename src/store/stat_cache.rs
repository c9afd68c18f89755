//! Stat caches: what `source` knows of a context's files, as opaque bytes, by the context's path.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::error::Error;
use super::frame::Kind;
use super::open::Store;

impl Store {
    /// What was kept for the context at that absolute path.
    pub fn stat_cache(&self, context: &Path) -> Result<Option<Vec<u8>>, Error> {
        let path = self.disk.layout.stat_cache(context);
        let name = context.as_os_str().as_bytes();
        self.disk.read_framed(Kind::StatCache, name, &path)
    }

    /// Keeps `bytes` for the context at that absolute path.
    pub fn put_stat_cache(&self, context: &Path, bytes: &[u8]) -> Result<(), Error> {
        let path = self.disk.layout.stat_cache(context);
        let name = context.as_os_str().as_bytes();
        self.with_room(|| self.disk.write_framed(Kind::StatCache, name, &path, bytes))
    }
}
