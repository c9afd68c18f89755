//! A root file system as sorted entries: paths, order, merge, difference, patterns, one symlink resolver, subtree digest.
//!
//! A layer is a sorted list of [`Entry`]s; a root file system is a [`Stack`] of such lists, looked at without ever being
//! merged as a whole. Nothing here reads a file.

mod changes;
mod chosen;
mod diff;
mod digest;
mod entries;
mod entry;
mod error;
pub mod glob;
mod merge;
#[cfg(test)]
mod model;
mod path;
mod pattern;
mod patterns;
mod resolve;
mod stack;
mod xattrs;

pub use changes::{Changed, Content, run_layer};
pub use diff::diff;
pub use digest::entries_digest;
pub use entries::{Entries, RUN};
pub use entry::{Entry, Kind, Time};
pub use error::Error;
pub use path::{RootPath, order};
pub use patterns::{Matched, Patterns};
pub use resolve::Last;
pub use stack::{Node, Place, Stack};
pub use xattrs::allowed as allowed_xattrs;
