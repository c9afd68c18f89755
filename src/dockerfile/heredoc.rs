//! A here-document: the word that opens it and the lines up to its terminator.

use super::span::Span;

/// One here-document of a RUN, COPY or ADD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heredoc {
    /// The delimiter without quotes; for COPY and ADD also the name of the file.
    pub name: String,
    /// Whether variables in the body are expanded (by the builder for COPY and ADD): no quote in the delimiter.
    pub expand: bool,
    /// Whether leading tabs of body and terminator are dropped (`<<-`). `body` still has them; see [`Heredoc::content`].
    pub chomp: bool,
    /// The digits before `<<`, 0 when there are none.
    pub fd: u32,
    /// The lines between, each with its line ending, as they stand in the file.
    pub body: String,
    /// Where `body` stands (the terminator line is not in it).
    pub span: Span,
}

impl Heredoc {
    /// The body as a file's content: without leading tabs where `<<-` asks for that.
    pub fn content(&self) -> String {
        if !self.chomp {
            return self.body.clone();
        }
        self.body.split_inclusive('\n').map(|line| line.trim_start_matches('\t')).collect()
    }
}
