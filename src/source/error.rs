//! What can go wrong while inputs are read.

use std::io;
use std::path::PathBuf;

use crate::layer::Error as LayerError;
use crate::oci::{Digest, Error as OciError};
use crate::tree::{Error as TreeError, RootPath};

/// An input that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The context does not exist, or is no directory.
    #[error("build context {}: {reason}", path.display())]
    Context {
        /// As it was given.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A file or directory on the host that cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Where.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A file of the context that cannot be in an image.
    #[error("{path} is a {what} and cannot be copied into an image; remove it or add it to .dockerignore")]
    Special {
        /// In the context.
        path: RootPath,
        /// `socket` or `device`.
        what: &'static str,
    },
    /// Links that lead to each other.
    #[error("too many levels of symbolic links at {path} in the build context")]
    Links {
        /// In the context.
        path: RootPath,
    },
    /// No Dockerfile under any of the usual names.
    #[error("cannot find a Dockerfile: there is no {tried} in {context}; name one with -f")]
    NoDockerfile {
        /// The names.
        tried: String,
        /// Where they were looked for.
        context: String,
    },
    /// A Dockerfile or ignore file that is too long, or no file.
    #[error("{path}: {reason}")]
    Text {
        /// Which file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A pattern of the ignore file.
    #[error("{path}")]
    Ignore {
        /// The ignore file.
        path: String,
        /// What is wrong with it.
        source: TreeError,
    },
    /// An archive that cannot be read.
    #[error("cannot read the archive {name}")]
    Archive {
        /// Where it comes from.
        name: String,
        /// Why.
        source: LayerError,
    },
    /// An archive with a member that a build context cannot have.
    #[error("{name}: {path} {reason}")]
    Member {
        /// Where the archive comes from.
        name: String,
        /// The member.
        path: RootPath,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Reading or spooling a stream failed.
    #[error("cannot read {name}")]
    Stream {
        /// Where it comes from.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// A directory that is not an OCI image layout, or a damaged one.
    #[error("{}: not an OCI image layout: {reason}", path.display())]
    Layout {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An image that the layout does not have.
    #[error("{}: no image {wanted}; it has {available}", path.display())]
    NoImage {
        /// The directory.
        path: PathBuf,
        /// What was asked for.
        wanted: String,
        /// What there is.
        available: String,
    },
    /// A blob whose bytes are not what its descriptor says.
    #[error("{}: blob {digest} is damaged: {reason}", path.display())]
    Blob {
        /// The layout.
        path: PathBuf,
        /// Which blob.
        digest: Digest,
        /// What was found.
        reason: String,
    },
    /// A URL.
    #[error(transparent)]
    Http(#[from] crate::http::Error),
    /// A program of the machine that is not there.
    #[error("{wanted} needs the program {tool}, which is not in PATH: install the package {package}")]
    NoTool {
        /// The program.
        tool: &'static str,
        /// What it is for.
        wanted: &'static str,
        /// Where it usually comes from.
        package: &'static str,
    },
    /// A program of the machine that cannot be started or talked to.
    #[error("cannot run {tool}")]
    Tool {
        /// The program.
        tool: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A program that did not come to an end.
    #[error("git {of}: no end after {seconds} s")]
    ToolTime {
        /// What it was asked about.
        of: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// git says no.
    #[error("git {of}: {said}")]
    Git {
        /// The repository.
        of: String,
        /// What it says.
        said: String,
    },
    /// A branch, tag or commit that a repository does not have.
    #[error("{repository} has no {reference}")]
    GitReference {
        /// The repository.
        repository: String,
        /// What was looked for.
        reference: String,
    },
    /// A commit that is not the one that was expected.
    #[error("expected checksum to match {wanted}, got {found}")]
    GitChecksum {
        /// What was expected.
        wanted: String,
        /// What the reference stands for.
        found: String,
    },
    /// Something in a repository that cannot be used.
    #[error("git: {path} {reason}")]
    GitContent {
        /// What.
        path: String,
        /// Why not.
        reason: String,
    },
    /// Somebody stopped the work.
    #[error("canceled")]
    Canceled,
    /// A digest or another name that is malformed.
    #[error("{}", path.display())]
    Name {
        /// The layout.
        path: PathBuf,
        /// What is wrong.
        source: OciError,
    },
}

impl Error {
    /// A failed read of something on the host.
    pub(super) fn read(path: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
        let path = path.into();
        move |source| Error::Read { path, source }
    }
}
