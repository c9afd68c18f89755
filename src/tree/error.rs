//! What can be wrong with a path or a list of entries.

/// A path that cannot be, or a walk that cannot go on. Paths are in here as they are shown: [`RootPath`](super::RootPath)
/// itself makes such errors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A path that leaves the root, or holds a NUL byte.
    #[error("invalid path {0:?} in an image")]
    Path(String),
    /// LIMIT: 255 links, as BuildKit; the kernel stops at 40.
    #[error("{0}: too many levels of symbolic links")]
    Loop(String),
    /// A path goes through something that is no directory.
    #[error("{0}: not a directory")]
    NotADirectory(String),
    /// A pattern of `.dockerignore` or `--exclude`.
    #[error("line {line}: {pattern:?}: {reason}")]
    Pattern {
        /// Its line (or its number among the patterns), from one.
        line: usize,
        /// As it was written.
        pattern: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A name that would be a whiteout in the layer. SPEC: image-spec layer.md, "Whiteouts".
    #[error("{0}: a file name that begins with .wh. cannot be stored in a layer; rename or remove it")]
    WhiteoutName(String),
}
