//! The patterns of `.dockerignore` and `--exclude`.

use super::error::Error;
use super::path::RootPath;

/// Patterns that leave paths out, in order; the last that matches a path decides.
#[derive(Clone, Debug, Default)]
pub struct Patterns {}

/// What the patterns say of a path. Handed on to what lies below it, so that parents need not be matched again.
#[derive(Clone, Debug, Default)]
pub struct Matched {
    excluded: bool,
}

impl Matched {
    /// Whether the path is left out.
    pub fn is_excluded(&self) -> bool {
        self.excluded
    }
}

impl Patterns {
    /// Reads a `.dockerignore` file.
    pub fn parse(text: &str) -> Result<Patterns, Error> {
        let _ = text;
        todo!()
    }

    /// Takes patterns one by one, as `--exclude` gives them.
    pub fn new<S: AsRef<str>>(patterns: impl IntoIterator<Item = S>) -> Result<Patterns, Error> {
        let _ = patterns.into_iter().count();
        todo!()
    }

    /// Whether there are no patterns, so that nothing is left out.
    pub fn is_empty(&self) -> bool {
        todo!()
    }

    /// Whether `path` or a directory above it is left out. For one path; a walk uses [`Patterns::step`].
    pub fn matches(&self, path: &RootPath) -> bool {
        let _ = path;
        todo!()
    }

    /// What the patterns say of `path`, given what they said of its parent (none for the top of the tree).
    pub fn step(&self, path: &RootPath, parent: Option<&Matched>) -> Matched {
        let _ = (path, parent);
        todo!()
    }

    /// Whether a walk need not enter `directory`, of which `matched` was said: nothing below it can be taken in again.
    pub fn prunes(&self, directory: &RootPath, matched: &Matched) -> bool {
        let _ = (directory, matched);
        todo!()
    }
}
