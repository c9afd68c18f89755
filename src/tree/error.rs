//! What can be wrong with a path or a list of entries.

use super::path::RootPath;

/// A path that cannot be, or a walk that cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A path that leaves the root, or holds a NUL byte.
    #[error("invalid path {0:?} in an image")]
    Path(String),
    /// LIMIT: 255 links, as BuildKit; the kernel stops at 40.
    #[error("{0}: too many levels of symbolic links")]
    Loop(RootPath),
    /// A path goes through something that is no directory.
    #[error("{0}: not a directory")]
    NotADirectory(RootPath),
}
