//! The bytes of chosen files of a tar, in one pass.

use std::io::{self, Read};

use super::error::Error;
use super::list::LayerList;

/// Hands the bytes of the `wanted` entries (positions in `list`, in any order) to `visitor`, in the order in which they
/// stand in the tar. What the visitor leaves of a file is skipped; entries without bytes are not visited.
pub fn visit(
    tar: &mut dyn Read,
    list: &LayerList,
    wanted: &[usize],
    visitor: &mut dyn FnMut(usize, &mut dyn Read) -> io::Result<()>,
) -> Result<(), Error> {
    let _ = (tar, list, wanted, visitor);
    todo!()
}
