//! The one resolver of symbolic links inside an image.

use super::error::Error;
use super::path::RootPath;
use super::stack::Stack;

/// What happens to a symbolic link in the last component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    /// It is followed too.
    Follow,
    /// It is kept.
    Keep,
}

impl Stack {
    /// The path without symbolic links, as `openat2(RESOLVE_IN_ROOT)` sees it. Components that do not exist are kept.
    pub fn resolve(&self, path: &RootPath, last: Last) -> Result<RootPath, Error> {
        let _ = (path, last);
        todo!()
    }
}
