//! What the parser notices and does not fail on, as data for whoever reports build checks.

use super::span::Span;

/// One finding of the parser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The rule's name, as `# check=skip=` uses it: `NoEmptyContinuation`.
    pub rule: &'static str,
    /// What was found.
    pub message: String,
    /// What to write instead, where that is known.
    pub hint: Option<String>,
    /// Where.
    pub span: Span,
}
