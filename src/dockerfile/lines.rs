//! Byte offsets to line numbers, as error messages and excerpts want them.

use std::ops::RangeInclusive;

use super::span::Span;

/// The line starts of one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines {
    starts: Vec<usize>,
    length: usize,
}

impl Lines {
    /// Finds the line starts of `text`; lines end with `\n`.
    pub fn new(text: &str) -> Lines {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Lines { starts: std::iter::once(0).chain(ends).collect(), length: text.len() }
    }

    /// The line (from 1) that holds the byte at `offset`; an offset behind the text is on the last line.
    pub fn line_of(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset.min(self.length))
    }

    /// The column (from 1, in bytes) of `offset` in its line.
    pub fn column_of(&self, offset: usize) -> usize {
        let offset = offset.min(self.length);
        offset - self.starts[self.line_of(offset) - 1] + 1
    }

    /// First and last line that `span` touches.
    pub fn range_of(&self, span: Span) -> RangeInclusive<usize> {
        let last = span.end.saturating_sub(1).max(span.start);
        self.line_of(span.start)..=self.line_of(last)
    }

    /// The span of line `line` (from 1) with its line ending; empty at the end for a line that is not there.
    pub fn span_of(&self, line: usize) -> Span {
        let at = |index: usize| self.starts.get(index).copied().unwrap_or(self.length);
        Span::new(at(line.saturating_sub(1)), at(line.max(1)))
    }

    /// How many lines there are; a text that ends with a line ending has an empty last one.
    pub fn count(&self) -> usize {
        self.starts.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_find_their_line_and_column() {
        let lines = Lines::new("ab\ncd\n\ne");
        assert_eq!((lines.line_of(0), lines.column_of(1)), (1, 2));
        assert_eq!((lines.line_of(2), lines.line_of(3), lines.line_of(6)), (1, 2, 3));
        assert_eq!((lines.line_of(7), lines.line_of(8), lines.line_of(99)), (4, 4, 4));
        assert_eq!(lines.range_of(Span::new(1, 6)), 1..=2);
        assert_eq!(lines.range_of(Span::new(1, 7)), 1..=3);
        assert_eq!(lines.range_of(Span::new(3, 3)), 2..=2);
        assert_eq!((lines.span_of(2), lines.span_of(4)), (Span::new(3, 6), Span::new(7, 8)));
        assert_eq!((lines.span_of(9), lines.count()), (Span::new(8, 8), 4));
    }
}
