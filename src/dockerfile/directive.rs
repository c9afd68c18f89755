//! The `#` lines before everything else: `syntax`, `escape`, `check`.

use super::error::Error;
use super::error_kind::ErrorKind;
use super::file::Directives;
use super::span::{Span, Spanned};

/// The byte-order mark that an editor may have put first.
const BOM: &str = "\u{feff}";

/// Where the text begins behind a byte-order mark.
pub(super) fn start(text: &str) -> usize {
    if text.starts_with(BOM) { BOM.len() } else { 0 }
}

/// Reads the directives of `text`; the offset behind the last one comes too.
///
/// SPEC: the zone ends at the first line that is not `# name = value` with a known name. BuildKit looks for `syntax` and
/// `check`, but not for `escape`, behind a first line `#!`.
pub(super) fn read(text: &str) -> Result<(Directives, usize), Error> {
    let mut found = Directives::default();
    let mut at = start(text);
    let mut zone_end = at;
    for (index, line) in text[at..].split_inclusive('\n').enumerate() {
        let line_start = at;
        at += line.len();
        if index == 0 && line.starts_with("#!") {
            continue;
        }
        let Some((name, value)) = line.trim_start().strip_prefix('#').and_then(entry) else { break };
        let slot = match name.as_str() {
            "syntax" => &mut found.syntax,
            "escape" => &mut found.escape,
            "check" => &mut found.check,
            _ => break,
        };
        let start = line_start + (value.as_ptr() as usize - line.as_ptr() as usize);
        let span = Span::new(start, start + value.len());
        if slot.is_some() {
            return Err(Error::new(ErrorKind::DuplicateDirective(name)).at(span));
        }
        if name == "escape" && !matches!(value, "\\" | "`") {
            return Err(Error::new(ErrorKind::BadEscape(value.to_owned())).at(span));
        }
        *slot = Some(first_word(value, start));
        zone_end = at;
    }
    if text[start(text)..].starts_with("#!") {
        found.escape = None;
    }
    Ok((found, zone_end))
}

/// The value of a `check=` in the text of a comment.
pub(super) fn check_comment(comment: &Spanned<String>) -> Option<Spanned<String>> {
    let (name, value) = entry(&comment.value)?;
    let offset = value.as_ptr() as usize - comment.value.as_ptr() as usize;
    (name == "check").then(|| first_word(value, comment.span.start + offset))
}

/// SPEC: values end at the first space, where they are used.
fn first_word(value: &str, start: usize) -> Spanned<String> {
    let word = value.split(' ').next().unwrap_or(value);
    Spanned { value: word.to_owned(), span: Span::new(start, start + word.len()) }
}

/// `name = value` with a name of letters and digits, lower-cased, and a value that is not empty.
fn entry(text: &str) -> Option<(String, &str)> {
    let (name, value) = text.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let plain = name.starts_with(|ch: char| ch.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (plain && !value.is_empty()).then(|| (name.to_ascii_lowercase(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> [Option<String>; 3] {
        let (found, _) = read(text).expect("well-formed");
        for found in [&found.syntax, &found.escape, &found.check].into_iter().flatten() {
            assert_eq!(found.span.of(text), found.value);
        }
        [found.syntax, found.escape, found.check].map(|found| found.map(|found| found.value))
    }

    #[test]
    fn directives_stand_first_or_are_comments() {
        let some = |value: &str| Some(value.to_owned());
        assert_eq!(
            values("\u{feff}#Syntax = a/b:1 x \r\n # escape=`\n#check=skip=A;error=true\n"),
            [some("a/b:1"), some("`"), some("skip=A;error=true")]
        );
        assert_eq!(values("# hello\n# escape=`\n"), [None, None, None]);
        assert_eq!(values("\n# escape=`\n"), [None, None, None]);
        assert_eq!(values("# other=1\n# escape=`\n"), [None, None, None]);
        assert_eq!(values("#!/bin/x\n# syntax=a\n"), [some("a"), None, None]);
        assert_eq!(values("# syntax=\n"), [None, None, None]);
    }

    #[test]
    fn a_directive_given_twice_or_a_strange_escape_is_an_error() {
        let message = |text| read(text).expect_err("refused").kind.to_string();
        assert_eq!(message("# escape=`\n# ESCAPE=\\\n"), "only one escape parser directive can be used");
        assert_eq!(message("# escape=/\n"), "invalid escape token '/' does not match ` or \\");
    }
}
