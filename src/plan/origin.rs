//! Where a file tree comes from, before it has a place in the graph.

use crate::graph::ImageName;

/// What FROM, `COPY --from` or a mount's `from` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// `scratch`.
    Scratch,
    /// The stage at this place.
    Stage(usize),
    /// The files of a named context.
    Files(String),
    /// An image.
    Image {
        /// How it is found.
        name: ImageName,
        /// The named context that says so, if one does.
        context: Option<String>,
    },
}
