//! Why a Dockerfile, a word or a mount was refused, and where it stands.

use std::fmt;
use std::ops::RangeInclusive;

use super::error_kind::ErrorKind;
use super::lines::Lines;
use super::span::Span;

/// One refusal: what, where, and what to do. Displays as one line; an excerpt is for whoever has the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What was wrong; displays as the message without the place.
    pub kind: Box<ErrorKind>,
    /// Where in the text, once known: what is not in a file (a word handed to `expand`, a mount's options) has none.
    pub span: Option<Span>,
    /// The lines to show: known whenever `span` is.
    pub lines: Option<RangeInclusive<usize>>,
    /// What to do about it, where that is known and not already said by the message.
    pub hint: Option<String>,
}

impl Error {
    /// An error whose place is not known yet.
    pub fn new(kind: ErrorKind) -> Error {
        Error { kind: Box::new(kind), span: None, lines: None, hint: None }
    }

    /// The same with a place, where it has none.
    pub fn at(mut self, span: Span) -> Error {
        self.span = self.span.or(Some(span));
        self
    }

    /// The same with a hint.
    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.hint = Some(hint.into());
        self
    }

    /// The same with line numbers, where it has a place.
    pub fn in_lines(mut self, lines: &Lines) -> Error {
        self.lines = self.span.map(|span| lines.range_of(span));
        self
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Error {
        Error::new(kind)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole_file =
            matches!(*self.kind, ErrorKind::Empty | ErrorKind::NoInstructions | ErrorKind::TooLarge { .. });
        if let Some(lines) = self.lines.as_ref().filter(|_| !whole_file) {
            write!(out, "dockerfile parse error on line {}: ", lines.start())?;
        }
        self.kind.fmt(out)
    }
}

impl std::error::Error for Error {}
