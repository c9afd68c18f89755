//! Where an output goes.

use std::path::PathBuf;

/// Where an output goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A file or directory on the host.
    Path(PathBuf),
    /// Standard output (`-`), for outputs that are one stream.
    Stdout,
}
