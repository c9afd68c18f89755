//! Wildcards of COPY and ADD sources: Go's `filepath.Match` on one component.
//!
//! `*` is any run of bytes, `?` one character, `[a-z]` and `[^a-z]` one of or none of some characters, `\` takes the next
//! byte literally. A byte that is not UTF-8 is a character of its own.

use std::ops::RangeInclusive;

/// A pattern that Go's `filepath.Match` refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("syntax error in pattern")]
pub struct BadPattern;

enum Token {
    Byte(u8),
    Any,
    Star,
    Class { negated: bool, ranges: Vec<RangeInclusive<u32>> },
}

/// Whether `name`, one component of a path, matches `pattern`. A pattern that is wrong anywhere is an error, whatever the
/// name.
pub fn match_component(pattern: &[u8], name: &[u8]) -> Result<bool, BadPattern> {
    let tokens = parse(pattern)?;
    let (mut token, mut at) = (0, 0);
    // Where to go on when what follows the last star does not match: one byte further.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let step = match tokens.get(token) {
            Some(Token::Star) => {
                retry = Some((token + 1, at));
                Some(0)
            }
            Some(other) => matches_one(other, &name[at..]),
            None => (at == name.len()).then_some(0),
        };
        match (step, retry) {
            (Some(_), _) if token == tokens.len() => return Ok(true),
            (Some(width), _) => (token, at) = (token + 1, at + width),
            (None, Some((after, from))) if from < name.len() && name[from] != b'/' => {
                retry = Some((after, from + 1));
                (token, at) = (after, from + 1);
            }
            (None, _) => return Ok(false),
        }
    }
}

/// Whether `pattern` is more than a literal name.
pub fn has_meta(pattern: &str) -> bool {
    pattern.contains(['*', '?', '[', '\\'])
}

/// Whether Go's `filepath.Match` accepts the pattern.
pub(super) fn check(pattern: &str) -> Result<(), BadPattern> {
    parse(pattern.as_bytes()).map(|_| ())
}

/// The width of what `token` matches at the start of `rest`.
fn matches_one(token: &Token, rest: &[u8]) -> Option<usize> {
    let (character, width) = character(rest)?;
    match token {
        Token::Byte(byte) => (rest[0] == *byte).then_some(1),
        Token::Any => (rest[0] != b'/').then_some(width),
        Token::Class { negated, ranges } => {
            (ranges.iter().any(|range| range.contains(&character)) != *negated).then_some(width)
        }
        Token::Star => None,
    }
}

/// The first character of `bytes`, and its width; U+FFFD and one for a byte that starts none.
fn character(bytes: &[u8]) -> Option<(u32, usize)> {
    let text = match std::str::from_utf8(&bytes[..bytes.len().min(4)]) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    };
    match text.chars().next() {
        Some(first) => Some((first.into(), first.len_utf8())),
        None => (!bytes.is_empty()).then_some((char::REPLACEMENT_CHARACTER.into(), 1)),
    }
}

fn parse(pattern: &[u8]) -> Result<Vec<Token>, BadPattern> {
    let mut tokens = Vec::new();
    let mut rest = pattern;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        tokens.push(match first {
            b'*' => Token::Star,
            b'?' => Token::Any,
            b'[' => class(&mut rest)?,
            b'\\' => {
                let (escaped, after) = rest.split_first().ok_or(BadPattern)?;
                rest = after;
                Token::Byte(*escaped)
            }
            byte => Token::Byte(*byte),
        });
    }
    Ok(tokens)
}

fn class(rest: &mut &[u8]) -> Result<Token, BadPattern> {
    let negated = take(rest, b'^');
    let mut ranges = Vec::new();
    while ranges.is_empty() || !take(rest, b']') {
        let low = class_character(rest)?;
        let high = if take(rest, b'-') { class_character(rest)? } else { low };
        ranges.push(low..=high);
    }
    Ok(Token::Class { negated, ranges })
}

fn take(rest: &mut &[u8], byte: u8) -> bool {
    let found = rest.first() == Some(&byte);
    if found {
        *rest = &rest[1..];
    }
    found
}

fn class_character(rest: &mut &[u8]) -> Result<u32, BadPattern> {
    if let Some(b'-' | b']') = rest.first() {
        return Err(BadPattern);
    }
    take(rest, b'\\');
    let (character, width) = character(rest).ok_or(BadPattern)?;
    if width == 1 && !rest[0].is_ascii() {
        return Err(BadPattern);
    }
    *rest = &rest[width..];
    // Something must follow, if only the end of the class.
    if rest.is_empty() { Err(BadPattern) } else { Ok(character) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_as_in_go() {
        for (pattern, name, want) in [
            ("abc", "abc", true),
            ("*", "abc", true),
            ("*", "", true),
            ("*c", "abc", true),
            ("a*", "a", true),
            ("a*", "ab/c", false),
            ("a*/b", "abc/b", true),
            ("a*/b", "a/c/b", false),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/f", true),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/fff", false),
            ("a*b?c*x", "abxbbxdbxebxczzx", true),
            ("a*b?c*x", "abxbbxdbxebxczzy", false),
            ("ab[c]", "abc", true),
            ("ab[b-d]", "abc", true),
            ("ab[e-g]", "abc", false),
            ("ab[^b-d]", "abc", false),
            ("ab[^e-g]", "abc", true),
            (r"a\*b", "a*b", true),
            (r"a\*b", "ab", false),
            ("a?b", "a☺b", true),
            ("a[^a]b", "a☺b", true),
            ("a???b", "a☺b", false),
            ("[a-ζ]*", "α", true),
            ("*[a-ζ]", "A", false),
            ("a?b", "a/b", false),
            ("a*b", "a/b", false),
            (r"[\]a]", "]", true),
            (r"[x\-]", "-", true),
            (r"[\-x]", "a", false),
            ("*x", "xxx", true),
            ("**", "ab", true),
            ("[*]", "*", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(match_component(pattern.as_bytes(), name.as_bytes()), Ok(want), "{pattern} {name}");
        }
    }

    #[test]
    fn a_byte_that_is_not_utf_8_is_one_character() {
        assert_eq!(match_component(b"a?b", b"a\xffb"), Ok(true));
        assert_eq!(match_component(b"a??b", b"a\xffb"), Ok(false));
        assert_eq!(match_component(b"a\xff", b"a\xff"), Ok(true));
        assert_eq!(match_component(b"[\xff]", b"\xff"), Err(BadPattern));
    }

    #[test]
    fn a_wrong_pattern_is_an_error_whatever_the_name() {
        for pattern in [
            "[]a]", "[-]", "[x-]", "[-x]", "\\", "[a-b-c]", "[", "[^", "[^bc", "a[", "a\\", "[a", "zz[",
            "*[", "[]", "[^]",
        ] {
            for name in ["a", "", "ab", "x"] {
                assert_eq!(
                    match_component(pattern.as_bytes(), name.as_bytes()),
                    Err(BadPattern),
                    "{pattern}"
                );
            }
        }
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let pattern = "*a".repeat(200) + "b";
        assert_eq!(match_component(pattern.as_bytes(), "a".repeat(4000).as_bytes()), Ok(false));
    }
}
