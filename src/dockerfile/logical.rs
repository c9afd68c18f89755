//! One logical line: physical lines joined at continuations, and the way back from it to the source.

use super::span::Span;
use super::word::Word;

/// The joined text of one instruction without its here-documents.
#[derive(Debug, Default)]
pub(super) struct Logical {
    /// Continuation characters, comments and empty continuation lines are out.
    pub text: String,
    /// Where each run of bytes that is contiguous in both begins: in `text`, in the source.
    runs: Vec<(usize, usize)>,
}

impl Logical {
    /// Appends `piece`, which stands at `source` in the file.
    pub fn push(&mut self, piece: &str, source: usize) {
        self.runs.push((self.text.len(), source));
        self.text.push_str(piece);
    }

    /// The whole line.
    pub fn all(&self) -> Text<'_> {
        Text { line: self, start: 0, end: self.text.len() }
    }

    fn source(&self, offset: usize) -> usize {
        let run = self.runs.partition_point(|(start, _)| *start <= offset);
        let (start, source) =
            run.checked_sub(1).and_then(|run| self.runs.get(run)).copied().unwrap_or((offset, 0));
        source + (offset - start)
    }
}

/// A part of a logical line that can be cut further and knows where it came from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    line: &'a Logical,
    start: usize,
    end: usize,
}

impl<'a> Text<'a> {
    /// The characters.
    pub fn str(&self) -> &'a str {
        &self.line.text[self.start..self.end]
    }

    /// The part between two offsets of this part, both on character boundaries.
    pub fn cut(&self, start: usize, end: usize) -> Text<'a> {
        Text { line: self.line, start: self.start + start, end: self.start + end }
    }

    /// Without whitespace at both ends.
    pub fn trim(&self) -> Text<'a> {
        let start = self.str().len() - self.str().trim_start().len();
        self.cut(start, start.max(self.str().trim_end().len()))
    }

    /// Where it stands in the source, from its first byte to its last.
    pub fn span(&self) -> Span {
        let start = self.line.source(self.start);
        match self.end.checked_sub(1).filter(|_| self.end > self.start) {
            Some(last) => Span::new(start, self.line.source(last) + 1),
            None => Span::new(start, start),
        }
    }

    /// Itself as a word.
    pub fn word(&self) -> Word {
        Word { raw: self.str().to_owned(), span: self.span() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_across_a_continuation_knows_both_ends() {
        let source = "RUN ab\\\n  cd";
        let mut line = Logical::default();
        line.push("RUN ab", 0);
        line.push("  cd", 8);
        let text = line.all().cut(4, 10);
        assert_eq!((text.str(), text.span()), ("ab  cd", Span::new(4, 12)));
        assert_eq!(text.span().of(source), "ab\\\n  cd");
        assert_eq!(line.all().cut(6, 10).trim().span().of(source), "cd");
        assert_eq!(line.all().cut(10, 10).span(), Span::new(12, 12));
        assert_eq!(Logical::default().all().trim().span(), Span::new(0, 0));
    }
}
