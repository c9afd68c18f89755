//! The flags between a keyword and its arguments, cut out of the text.

use super::flag::Flag;
use super::logical::Text;

/// Cuts the words that start with `--` off the front of `text`; a lone `--` ends them. The rest comes back trimmed.
pub(super) fn split(text: Text<'_>, escape: char) -> (Vec<Flag>, Text<'_>) {
    let source = text.str();
    let mut flags = Vec::new();
    let mut at = 0;
    loop {
        at = source[at..].find(|ch: char| !ch.is_whitespace()).map_or(source.len(), |skipped| at + skipped);
        if !source[at..].starts_with("--") {
            return (flags, text.cut(at, source.len()).trim());
        }
        let (end, word) = flag(source, at, escape);
        if word == "--" {
            return (flags, text.cut(end, source.len()).trim());
        }
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word.as_str(), None),
        };
        let value_start = source[at..end].find('=').map_or(end, |equals| at + equals + 1);
        flags.push(Flag {
            name: name.strip_prefix("--").unwrap_or(name).to_owned(),
            value: value.map(str::to_owned),
            span: text.cut(at, end).span(),
            value_span: text.cut(value_start, end).span(),
        });
        at = end;
    }
}

/// The flag that starts at `at`: where it ends, and its text without quotes and escapes.
///
/// COMPAT: inside single quotes the escape character escapes too, unlike everywhere else.
fn flag(source: &str, at: usize, escape: char) -> (usize, String) {
    let mut word = String::new();
    let mut quote = None;
    let mut chars = source[at..].char_indices();
    while let Some((offset, ch)) = chars.next() {
        match quote {
            None if ch.is_whitespace() => return (at + offset, word),
            None if ch == '\'' || ch == '"' => quote = Some(ch),
            Some(open) if open == ch => quote = None,
            _ if ch == escape => word.extend(chars.next().map(|(_, escaped)| escaped)),
            _ => word.push(ch),
        }
    }
    (source.len(), word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dockerfile::logical::Logical;

    fn cut(text: &str) -> (Vec<(String, Option<String>)>, String) {
        let mut line = Logical::default();
        line.push(text, 0);
        let (flags, rest) = split(line.all(), '\\');
        for flag in &flags {
            assert!(flag.span.of(text).starts_with("--"), "{flag:?}");
            assert!(flag.span.of(text).ends_with(flag.value_span.of(text)), "{flag:?}");
        }
        (flags.into_iter().map(|flag| (flag.name, flag.value)).collect(), rest.str().to_owned())
    }

    #[test]
    fn flags_end_at_the_first_word_that_is_none() {
        let (flags, rest) = cut(r#" --a=b  --c --d="e f"g --h=i\ j  k --l "#);
        let expected = [("a", Some("b")), ("c", None), ("d", Some("e fg")), ("h", Some("i j"))];
        assert_eq!(flags, expected.map(|(name, value)| (name.to_owned(), value.map(str::to_owned))));
        assert_eq!(rest, "k --l");
        assert_eq!(cut("--a -- --b"), (vec![("a".into(), None)], "--b".into()));
        assert_eq!(cut("--"), (vec![], "".into()));
        assert_eq!(cut("--a=b=c"), (vec![("a".into(), Some("b=c".into()))], "".into()));
        assert_eq!(cut("--chown=à x"), (vec![("chown".into(), Some("à".into()))], "x".into()));
        assert_eq!(cut("--a='x"), (vec![("a".into(), Some("x".into()))], "".into()));
    }
}
