//! A JSON array of strings, as exec forms and path lists use it.

use super::logical::Text;
use super::word::Word;

/// What text turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Json {
    /// A JSON array of strings, decoded, each with its place (quotes included).
    Strings(Vec<Word>),
    /// A JSON array in which something is not a string.
    NotStrings,
    /// Not a JSON array: shell form, or words.
    No,
}

/// Reads `text`, which must be the array and nothing else but whitespace.
pub(super) fn read(text: Text<'_>) -> Json {
    let source = text.str();
    let body = source.trim_start();
    if !body.starts_with('[') {
        return Json::No;
    }
    match strings(source, source.len() - body.len() + 1) {
        Some(found) => Json::Strings(
            found
                .into_iter()
                .map(|(start, end, raw)| Word { raw, span: text.cut(start, end).span() })
                .collect(),
        ),
        // What is JSON all the same has something else than strings in it.
        None => match serde_json::from_str::<Vec<serde::de::IgnoredAny>>(body) {
            Ok(_) => Json::NotStrings,
            _ => Json::No,
        },
    }
}

/// The strings behind an opening bracket at `at - 1`: start, end, decoded; `None` where that is not all there is.
fn strings(source: &str, mut at: usize) -> Option<Vec<(usize, usize, String)>> {
    let skip = |at: usize| {
        source[at..]
            .find(|ch| !matches!(ch, ' ' | '\t' | '\n' | '\r'))
            .map_or(source.len(), |skipped| at + skipped)
    };
    let mut found = Vec::new();
    at = skip(at);
    if source[at..].starts_with(']') {
        return (skip(at + 1) == source.len()).then_some(found);
    }
    loop {
        let (end, text) = string(source, at)?;
        found.push((at, end, text));
        at = skip(end);
        match source[at..].chars().next()? {
            ',' => at = skip(at + 1),
            ']' => return (skip(at + 1) == source.len()).then_some(found),
            _ => return None,
        }
    }
}

/// The string that begins at `at`: where it ends, and its text.
fn string(source: &str, at: usize) -> Option<(usize, String)> {
    let mut chars = source[at..].char_indices();
    if chars.next()?.1 != '"' {
        return None;
    }
    let mut text = String::new();
    while let Some((offset, ch)) = chars.next() {
        match ch {
            '"' => return Some((at + offset + 1, text)),
            '\\' => {
                let (offset, ch) = chars.next()?;
                let plain = match ch {
                    '"' | '\\' | '/' => ch,
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'u' => {
                        let first = hex(source, at + offset + 1)?;
                        let mut used = 4;
                        let decoded = match first {
                            // COMPAT: Go's reader turns half a surrogate pair into U+FFFD where others refuse it.
                            0xd800..0xdc00 if source.get(at + offset + 5..at + offset + 7) == Some("\\u") => {
                                match hex(source, at + offset + 7)? {
                                    second @ 0xdc00..0xe000 => {
                                        used = 10;
                                        char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
                                    }
                                    _ => None,
                                }
                            }
                            _ => char::from_u32(first),
                        };
                        chars.nth(used - 1)?;
                        decoded.unwrap_or(char::REPLACEMENT_CHARACTER)
                    }
                    _ => return None,
                };
                text.push(plain);
            }
            '\0'..' ' => return None,
            _ => text.push(ch),
        }
    }
    None
}

fn hex(source: &str, at: usize) -> Option<u32> {
    let digits =
        source.get(at..at + 4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dockerfile::logical::Logical;

    fn words(text: &str) -> Option<Vec<String>> {
        let mut line = Logical::default();
        line.push(text, 0);
        match read(line.all()) {
            Json::Strings(words) => Some(words.into_iter().map(|word| word.raw).collect()),
            Json::NotStrings => Some(vec!["NOT STRINGS".into()]),
            Json::No => None,
        }
    }

    #[test]
    fn arrays_of_strings_are_decoded() {
        assert_eq!(words(r#" [ "a" ,"b c", "" ] "#), Some(vec!["a".into(), "b c".into(), "".into()]));
        assert_eq!(words("[]"), Some(vec![]));
        assert_eq!(words(r#"["\"\\\/\n\u00e9\ud83d\ude00"]"#), Some(vec!["\"\\/\né😀".into()]));
        assert_eq!(
            words(r#"["\ud83d", "\udc00x", "\ud83d\u0041"]"#),
            Some(vec!["\u{fffd}".into(), "\u{fffd}x".into(), "\u{fffd}A".into()])
        );
    }

    #[test]
    fn json_that_is_not_strings_differs_from_no_json() {
        for text in [r#"["a", 1]"#, "[null]", r#"[["a"]]"#, r#"[{"a": []}]"#] {
            assert_eq!(words(text), Some(vec!["NOT STRINGS".into()]), "{text}");
        }
        for text in [
            r#"['a']"#,
            r#"["a""#,
            r#"["a",]"#,
            r#"["a"] x"#,
            r#"["\x"]"#,
            "[\"\t\"]",
            "a",
            "",
            r#"["\u12"]"#,
            "[,]",
            "[",
        ] {
            assert_eq!(words(text), None, "{text}");
        }
    }
}
