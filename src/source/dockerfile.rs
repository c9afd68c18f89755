//! The Dockerfile and the ignore file of a build.

use std::path::{Path, PathBuf};

use super::error::Error;
use super::local::Local;
use crate::tree::Patterns;

/// A Dockerfile that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DockerfileText {
    /// The name that messages use: the file's name or `-`.
    pub name: String,
    /// Where it is on the host, so that an ignore file beside it can be found; none for standard input.
    pub path: Option<PathBuf>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What an ignore file says.
#[derive(Clone, Debug, Default)]
pub struct Ignore {
    /// The patterns; none at all if there is no such file.
    pub patterns: Patterns,
    /// The file that was read.
    pub file: Option<String>,
}

/// Reads a build's Dockerfile: `file` as `-f` names it (from the working directory, else from the context; it may lie
/// outside the context), or the first of Dockerfile, dockerfile and Containerfile in the context.
pub fn read_dockerfile(context: Option<&Local>, file: Option<&Path>) -> Result<DockerfileText, Error> {
    let _ = (context, file);
    todo!()
}

/// Reads `NAME.dockerignore` beside the Dockerfile, or else `.dockerignore` in the context.
pub fn read_ignore(context: &Local, dockerfile: Option<&Path>) -> Result<Ignore, Error> {
    let _ = (context, dockerfile);
    todo!()
}
