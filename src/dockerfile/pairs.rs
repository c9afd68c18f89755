//! Names with values: ENV, LABEL and ARG.

use super::word::Word;

/// The pairs of an ENV or LABEL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairs {
    /// In order, at least one.
    pub pairs: Vec<Pair>,
    /// Whether this is the old form, `ENV name the rest of the line`: then there is one pair.
    pub legacy: bool,
}

/// `key=value`. Both sides are expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// Left of the `=`.
    pub key: Word,
    /// Right of it; may be empty.
    pub value: Word,
}

/// One declaration of an ARG: `name` or `name=default`. Both sides are expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgDecl {
    /// Left of the `=`.
    pub name: Word,
    /// The default, where there is a `=`.
    pub value: Option<Word>,
    /// What the comment above says about the argument (`# name text`).
    pub doc: Option<String>,
}
