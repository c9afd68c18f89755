//! One flag of an instruction, not checked yet.

use super::span::Span;

/// A flag as it was typed: `--name` or `--name=value`, quotes and escapes removed from the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// Without the dashes.
    pub name: String,
    /// Behind the `=`, if there is one.
    pub value: Option<String>,
    /// The whole flag.
    pub span: Span,
    /// The value alone; empty behind the flag where there is none.
    pub value_span: Span,
}
