//! A root file system as sorted entries: paths, order, merge, difference, patterns, one symlink resolver, subtree digest.
//!
//! A layer is a sorted list of [`Entry`]s; a root file system is a [`Stack`] of such lists, looked at without ever being
//! merged as a whole. Nothing here reads a file.

mod entry;
mod error;
mod path;

pub use entry::{Entry, Kind, Time};
pub use error::Error;
pub use path::RootPath;
