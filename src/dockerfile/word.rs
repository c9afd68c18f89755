//! A piece of an instruction as it was typed, before variables are expanded.

use super::span::Span;

/// Text in which quotes, escapes and variables still stand: [`super::expand()`] takes it.
///
/// **Invariants.** `raw` is what BuildKit would hand to its expansion: continuation lines are joined, quotes and escapes
/// are kept, except in two places where the syntax itself has consumed one level of them: the value of a flag
/// (`--chown="a b"`) and an element of a JSON array. So `raw` need not equal the text under `span`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The text before expansion.
    pub raw: String,
    /// Where it stands.
    pub span: Span,
}
