//! Which entries of the source a copy reads.

use super::error::Error;
use super::selection::Selection;
use crate::graph::Copy;
use crate::tree::Stack;

/// Finds what `copy` reads in `source`.
pub fn select(copy: &Copy, source: &Stack) -> Result<Selection, Error> {
    let _ = (copy, source);
    todo!()
}
