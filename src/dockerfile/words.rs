//! Cutting an instruction's arguments into words, the two ways that instructions do it.

use super::logical::Text;
use super::word::Word;

/// SPEC: the blanks that BuildKit splits keywords and plain arguments at; other Unicode spaces do not count there.
pub(super) fn is_blank(ch: char) -> bool {
    matches!(ch, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ')
}

/// Splits at blanks alone: FROM, EXPOSE, COPY, ADD, VOLUME. Quotes mean nothing here.
pub(super) fn blank_separated(text: Text<'_>) -> Vec<Text<'_>> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, ch) in text.str().char_indices().chain([(text.str().len(), ' ')]) {
        match (is_blank(ch), start) {
            (true, Some(from)) => {
                words.push(text.cut(from, at));
                start = None;
            }
            (false, None) => start = Some(at),
            _ => {}
        }
    }
    words
}

/// Splits at spaces outside quotes and escapes: ENV, LABEL, ARG. Quotes and escapes stay in the words; an escape at the
/// very end is dropped.
pub(super) fn quoted(text: Text<'_>, escape: char) -> Vec<Word> {
    let mut words = Vec::new();
    let mut raw = String::new();
    let mut start = None;
    let mut quote = None;
    let mut chars = text.str().char_indices().peekable();
    let mut end = 0;
    while let Some((at, ch)) = chars.next() {
        end = at + ch.len_utf8();
        if quote.is_none() && ch.is_whitespace() {
            if let Some(from) = start.take() {
                words.push(Word { raw: std::mem::take(&mut raw), span: text.cut(from, at).span() });
            }
            continue;
        }
        start.get_or_insert(at);
        if ch == escape && quote != Some('\'') {
            let Some((next_at, next)) = chars.next() else { continue };
            end = next_at + next.len_utf8();
            raw.push(ch);
            raw.push(next);
            continue;
        }
        match quote {
            None if ch == '\'' || ch == '"' => quote = Some(ch),
            Some(open) if open == ch => quote = None,
            _ => {}
        }
        raw.push(ch);
    }
    if let Some(from) = start.filter(|_| !raw.is_empty()) {
        words.push(Word { raw, span: text.cut(from, end).span() });
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dockerfile::logical::Logical;

    fn cut(text: &str) -> Vec<String> {
        let mut line = Logical::default();
        line.push(text, 0);
        let words = quoted(line.all(), '\\');
        for word in &words {
            assert!(word.span.of(text).starts_with(&word.raw), "{word:?}");
        }
        words.into_iter().map(|word| word.raw).collect()
    }

    #[test]
    fn quotes_and_escapes_hold_a_word_together() {
        assert_eq!(cut(r#"a=1 b="x y" c='p "q' d=e\ f"#), ["a=1", r#"b="x y""#, r#"c='p "q'"#, r"d=e\ f"]);
        assert_eq!(cut(r#"a="x \" y" b='\' c"#), [r#"a="x \" y""#, r"b='\'", "c"]);
        assert_eq!(cut(r"a=b\"), ["a=b"]);
        assert_eq!(cut(r"  \"), Vec::<String>::new());
        assert_eq!(cut("é=ü \u{a0}x"), ["é=ü", "x"]);
    }

    #[test]
    fn blanks_alone_separate_paths() {
        let mut line = Logical::default();
        line.push("a\t\"b c\" \u{b}d\u{a0}e", 0);
        let words: Vec<&str> = blank_separated(line.all()).iter().map(Text::str).collect();
        assert_eq!(words, ["a", "\"b", "c\"", "d\u{a0}e"]);
    }
}
