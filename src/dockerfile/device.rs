//! The value of `RUN --device=`.

use super::span::Span;

/// A CDI device that a RUN asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its name, class or pattern; may be empty.
    pub name: String,
    /// Whether the build fails without it.
    pub required: bool,
    /// Where the value stands.
    pub span: Span,
}
