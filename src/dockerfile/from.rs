//! The FROM instruction.

use super::span::Spanned;
use super::word::Word;

/// `FROM [--platform=…] image [AS alias]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct From {
    /// Image, earlier stage, named context or `scratch`.
    pub image: Word,
    /// `--platform=`.
    pub platform: Option<Word>,
    /// The stage's name in lower case; as it was typed it stands under the span.
    pub alias: Option<Spanned<String>>,
    /// What the comment above says about the stage (`# alias text`).
    pub doc: Option<String>,
}
