//! Why something cannot be copied.

use super::owner::OwnerError;
use crate::tree::{Error as TreeError, RootPath};

/// A copy that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A path without wildcards that the source does not have.
    #[error("{path:?}: not found{}", did_you_mean(near))]
    NotFound {
        /// As it was written, made absolute.
        path: String,
        /// Names like it that are there.
        near: Vec<String>,
    },
    /// A path that the build context has, and its ignore file leaves out.
    #[error("{path:?}: not found: the context has it, but .dockerignore leaves it out")]
    Ignored {
        /// As it was written, made absolute.
        path: String,
    },
    /// A link that leads nowhere.
    #[error("{path}: not found: it is a link to {target}, which does not exist")]
    Dangling {
        /// The link.
        path: RootPath,
        /// Where it leads.
        target: RootPath,
    },
    /// A path for `--parents` with a link among the directories that are kept.
    #[error("{path}: one of the directories that --parents keeps is a link; write {kept}")]
    LinkedParent {
        /// As it was written, made absolute.
        path: RootPath,
        /// The same without links.
        kept: RootPath,
    },
    /// A wildcard that Go's `filepath.Match` refuses.
    #[error("{pattern:?}: syntax error in pattern")]
    Pattern {
        /// As it was written.
        pattern: String,
    },
    /// `--exclude`
    #[error("invalid --exclude")]
    Exclude(#[source] TreeError),
    /// A file where a directory is.
    #[error("cannot replace to directory {0} with file")]
    FileOverDirectory(RootPath),
    /// A directory where something else is.
    #[error("cannot copy to non-directory: {0}")]
    DirectoryOverFile(RootPath),
    /// A part of the destination's path that is no directory.
    #[error("{0}: not a directory")]
    NotADirectory(RootPath),
    /// A path that cannot be, or links in a circle.
    #[error(transparent)]
    Path(#[from] TreeError),
    /// A name that would be a whiteout in the layer. SPEC: image-spec layer.md, "Whiteouts".
    #[error("{0}: a file whose name begins with .wh. cannot be stored in a layer; rename it or leave it out")]
    Whiteout(RootPath),
    /// An archive with a link to a file that it does not have.
    #[error("{path}: a hard link to {target}, which the archive does not have")]
    BrokenLink {
        /// The member.
        path: RootPath,
        /// What it names.
        target: RootPath,
    },
    /// `--chown`, or the user of a WORKDIR.
    #[error(transparent)]
    Owner(#[from] OwnerError),
}

fn did_you_mean(near: &[String]) -> String {
    match near {
        [] => String::new(),
        names => format!(
            "; did you mean {}?",
            names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(" or ")
        ),
    }
}
