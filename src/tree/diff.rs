//! The layer that makes one root file system out of another.

use super::entry::Entry;
use super::stack::Stack;

/// The entries that turn `base` into `target` when pushed on it.
pub fn diff(base: &Stack, target: &Stack) -> Vec<Entry> {
    let _ = (base, target);
    todo!()
}
