//! Physical lines to logical ones: continuations, comments, and the bodies of here-documents.

use super::directive;
use super::error::Error;
use super::error_kind::ErrorKind;
use super::logical::Logical;
use super::span::{Span, Spanned};

/// Walks through a Dockerfile from top to bottom.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    escape: char,
    directives_end: usize,
    comments: Vec<Spanned<String>>,
}

/// One instruction's lines, joined.
#[derive(Debug)]
pub(super) struct Statement {
    /// The joined text.
    pub line: Logical,
    /// From the first character to the end of the last line.
    pub span: Span,
    /// The comments above.
    pub comments: Vec<Spanned<String>>,
    /// The first empty line inside.
    pub empty_continuation: Option<Span>,
}

impl<'a> Reader<'a> {
    /// Starts at the top of `text`, whose directives end at `directives_end`.
    pub fn new(text: &'a str, escape: char, directives_end: usize) -> Reader<'a> {
        Reader { text, at: directive::start(text), escape, directives_end, comments: Vec::new() }
    }

    /// The next physical line: where it starts, and itself with its line ending.
    fn line(&mut self) -> Option<(usize, &'a str)> {
        let rest = &self.text[self.at..];
        let line = rest.split_inclusive('\n').next()?;
        let start = self.at;
        self.at += line.len();
        Some((start, line))
    }

    /// The next instruction's lines; `None` at the end of the file.
    pub fn statement(&mut self) -> Option<Statement> {
        loop {
            let (line_start, line) = self.line()?;
            let first = without_ending(line).trim_start();
            let start = line_start + (first.as_ptr() as usize - line.as_ptr() as usize);
            if first.starts_with('#') {
                self.comment(start, first);
                continue;
            }
            let (piece, mut continued) = self.uncontinued(first);
            if piece.is_empty() && !continued {
                continue;
            }
            let mut statement = Statement {
                line: Logical::default(),
                span: Span::new(start, start + first.len()),
                comments: std::mem::take(&mut self.comments),
                empty_continuation: None,
            };
            statement.line.push(piece, start);
            while continued {
                let Some((start, line)) = self.line() else { break };
                let line = without_ending(line);
                statement.span.end = start + line.len();
                if line.trim_start().starts_with('#') {
                    continue;
                }
                if line.trim_start().is_empty() {
                    statement.empty_continuation.get_or_insert(Span::new(start, start + line.len()));
                    continue;
                }
                let piece;
                (piece, continued) = self.uncontinued(line);
                statement.line.push(piece, start);
            }
            return Some(statement);
        }
    }

    /// Reads lines up to one that is `name` (behind tabs, where they are chomped): the body's text and place, and the
    /// end of the terminator.
    pub fn heredoc(&mut self, name: &str, chomp: bool) -> Result<(&'a str, Span, usize), Error> {
        let start = self.at;
        while let Some((line_start, line)) = self.line() {
            let line = without_ending(line);
            let candidate = if chomp { line.trim_start_matches('\t') } else { line };
            if candidate == name {
                let body = Span::new(start, line_start);
                return Ok((body.of(self.text), body, line_start + line.len()));
            }
        }
        Err(ErrorKind::UnterminatedHeredoc(name.to_owned()).into())
    }

    /// Remembers a comment line for the instruction below it.
    ///
    /// COMPAT: an empty comment line starts over, a blank line does not.
    fn comment(&mut self, start: usize, line: &str) {
        if start < self.directives_end {
            return;
        }
        let text = line[1..].trim();
        if text.is_empty() {
            self.comments.clear();
            return;
        }
        let start = start + (text.as_ptr() as usize - line.as_ptr() as usize);
        self.comments.push(Spanned { value: text.to_owned(), span: Span::new(start, start + text.len()) });
    }

    /// `line` without the escape character that continues it, and whether there is one.
    ///
    /// SPEC: an escape character before the last one cancels it, however many there are before that.
    fn uncontinued<'l>(&self, line: &'l str) -> (&'l str, bool) {
        match line.trim_end_matches([' ', '\t']).strip_suffix(self.escape) {
            Some(before) if !before.ends_with(self.escape) => (before, true),
            _ => (line, false),
        }
    }
}

/// SPEC: every trailing carriage return and line feed goes.
fn without_ending(line: &str) -> &str {
    line.trim_end_matches(['\r', '\n'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(text: &str) -> Vec<String> {
        let mut reader = Reader::new(text, '\\', 0);
        std::iter::from_fn(|| reader.statement()).map(|statement| statement.line.text).collect()
    }

    #[test]
    fn continuations_join_with_nothing_between() {
        assert_eq!(joined("A b\\\n c \\ \t\nd\nE"), ["A b c d", "E"]);
        assert_eq!(joined("A \\\r\n# no\n  # no\n\n \t\n  b # yes\r\n"), ["A   b # yes"]);
        assert_eq!(joined("A b\\\\\nC"), ["A b\\\\", "C"]);
        assert_eq!(joined("A b \\"), ["A b "]);
        assert_eq!(joined("\\\nA b"), ["A b"]);
        assert_eq!(joined("\u{feff}  A\n\n"), ["A"]);
        assert_eq!(joined("A \\\n\\\n b"), ["A  b"]);
    }

    #[test]
    fn comments_belong_to_the_instruction_below_them() {
        let text = "# one\n#\n# two\n\n  #three\nA\nB\n";
        let mut reader = Reader::new(text, '\\', 0);
        let first = reader.statement().expect("A");
        let comments: Vec<&str> = first.comments.iter().map(|comment| comment.value.as_str()).collect();
        assert_eq!(comments, ["two", "three"]);
        assert_eq!(first.comments[1].span.of(text), "three");
        assert!(reader.statement().expect("B").comments.is_empty());
    }

    #[test]
    fn a_heredoc_ends_at_its_own_name_alone() {
        let text = "A\nx\n EOF\nEOF \n\tEOF\r\nEOF\nB";
        let mut reader = Reader::new(text, '\\', 0);
        reader.statement();
        let (body, span, end) = reader.heredoc("EOF", false).expect("terminated");
        assert_eq!((body, span.of(text)), ("x\n EOF\nEOF \n\tEOF\r\n", body));
        assert_eq!(&text[end..], "\nB");
        let mut reader = Reader::new(text, '\\', 0);
        reader.statement();
        assert_eq!(reader.heredoc("EOF", true).expect("terminated").0, "x\n EOF\nEOF \n");
        assert!(reader.heredoc("END", true).is_err());
    }
}
