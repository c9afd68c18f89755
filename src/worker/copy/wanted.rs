//! What part of a context a copy can read.

use crate::graph::{Copy, CopySource};
use crate::source::Wanted;

/// The wanted paths of a copy's sources.
pub fn wanted(copy: &Copy) -> Vec<Wanted> {
    copy.sources
        .iter()
        .filter_map(|source| match source {
            CopySource::Path(path) => Some(Wanted::pattern(path)),
            CopySource::Remote { .. } | CopySource::Inline { .. } => None,
        })
        .collect()
}
