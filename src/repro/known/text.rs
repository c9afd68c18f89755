//! Text: its first line that differs, and whether all its lines are the same in another order.

use std::borrow::Cow;

use super::line::Line;
use super::pair::{Finding, Pair};
use super::pieces::{self, Among};

/// LIMIT: ours. So many lines that differ are looked at for one that says why.
const LINES: usize = 32;
/// LIMIT: ours. Shorter lines are the same words in another order by chance.
const LEAST: usize = 16;

/// LIMIT: ours. In text of another encoding, one byte of so many is no UTF-8.
const FOREIGN: usize = 8;
/// LIMIT: ours. No machine of today has more processors.
const PROCESSORS: u32 = 512;

/// Whether both are text, as far as they are here.
pub fn is_one(pair: &Pair<'_>) -> bool {
    pair.both(|bytes| text(bytes, pair.whole)).is_some()
}

/// Says why two texts differ, or at least where.
pub fn look(pair: &Pair<'_>) -> Option<Finding> {
    let (first, second) = pair.both(|bytes| text(bytes, pair.whole))?;
    let (first, second) = (first.as_ref(), second.as_ref());
    let line = differences(first, second).next()?;
    if pair.whole && first.len() == second.len() && is_reordered(first.split('\n'), second.split('\n')) {
        let count = first.lines().count();
        return Some(Finding::new("text-order", format!("the same {count} lines; {}", line.shown())));
    }
    let reason = differences(first, second).take(LINES).find_map(|line| {
        let rule = words(&line).or_else(|| pieces::look(line.first, line.second, Among::Text))?;
        Some(Finding::new(rule, line.shown()))
    });
    let rule = if pair.whole && are_processors(first, second) { "text-processors" } else { "text-line" };
    Some(reason.unwrap_or_else(|| Finding::new(rule, line.shown())))
}

/// Whether both are a number and nothing else, as of processors. Of a number by itself that is believed only if the second
/// is one: so many processors the second run has.
fn are_processors(first: &str, second: &str) -> bool {
    let first = first.trim();
    let digits = (1..=3).contains(&first.len()) && first.bytes().all(|byte| byte.is_ascii_digit());
    digits && second.trim() == "1" && first.parse().is_ok_and(|number| (2..=PROCESSORS).contains(&number))
}

/// The first line that differs, as it is shown; none if one of both is no text.
pub fn first_line(first: &[u8], second: &[u8], whole: bool) -> Option<String> {
    Some(differences(&text(first, whole)?, &text(second, whole)?).next()?.shown())
}

/// The bytes as text; a character that was cut in two at the end of a part is left out.
fn text(bytes: &[u8], whole: bool) -> Option<Cow<'_, str>> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(error) if !whole && error.error_len().is_none() => {
            Cow::Borrowed(std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()?)
        }
        Err(_) => wide(bytes).map(Cow::Owned).or_else(|| foreign(bytes))?,
    };
    (!text.contains('\0')).then_some(text)
}

/// Text that is UTF-16 and says so.
fn wide(bytes: &[u8]) -> Option<String> {
    let from: fn([u8; 2]) -> u16 = match bytes.get(..2)? {
        b"\xff\xfe" => u16::from_le_bytes,
        b"\xfe\xff" => u16::from_be_bytes,
        _ => return None,
    };
    let units = bytes[2..].chunks_exact(2).map(|pair| from([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units).collect::<Result<_, _>>().ok()?;
    // Other bytes may begin so by chance: they have hardly any letters then.
    let letters = text.bytes().filter(u8::is_ascii).count();
    (2 * letters >= text.len()).then_some(text)
}

/// Text that is nearly UTF-8, as Latin-1 is where letters with accents are few: what cannot be read of it is replaced.
fn foreign(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let control = |byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\t'..=b'\r' | 0x08 | 0x1b);
    let unread: usize = bytes.utf8_chunks().map(|chunk| chunk.invalid().len()).sum();
    let is_text = unread * FOREIGN <= bytes.len() && !bytes.iter().any(control);
    is_text.then(|| String::from_utf8_lossy(bytes))
}

fn differences<'a>(first: &'a str, second: &'a str) -> impl Iterator<Item = Line<'a>> {
    let (mut first, mut second) = (first.split('\n'), second.split('\n'));
    let pairs = std::iter::from_fn(move || match (first.next(), second.next()) {
        (None, None) => None,
        (first, second) => Some((first.unwrap_or_default(), second.unwrap_or_default())),
    });
    let lines = pairs.zip(1..).map(|((first, second), number)| Line { number, first, second });
    lines.filter(|line| line.first != line.second)
}

/// Whether these are the same, in another order.
fn is_reordered<'a>(first: impl Iterator<Item = &'a str>, second: impl Iterator<Item = &'a str>) -> bool {
    let (mut first, mut second): (Vec<&str>, Vec<&str>) = (first.collect(), second.collect());
    first.sort_unstable();
    second.sort_unstable();
    first == second
}

/// A line whose words are the same in another order: a set or a map that was written as it lay in memory.
fn words(line: &Line<'_>) -> Option<&'static str> {
    let is_gap =
        |c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '{' | '}' | '[' | ']' | '(' | ')');
    let same = line.first.len() == line.second.len()
        && line.first.len() >= LEAST
        && is_reordered(line.first.split(is_gap), line.second.split(is_gap));
    same.then_some("text-order")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(first: &str, second: &str) -> Option<Finding> {
        look(&Pair::new(b"etc/x", first.as_bytes(), second.as_bytes(), true))
    }

    #[test]
    fn the_first_line_that_says_why_is_shown_and_else_the_first() {
        let finding = found("a\nb\nat 03:04:05\n", "a\nc\nat 03:04:06\n").unwrap();
        assert_eq!(
            (finding.rule, finding.detail.as_str()),
            ("text-time", "line 3 is `at 03:04:05`, then `at 03:04:06`")
        );
        let finding = found("a\nb\n", "a\nc\n").unwrap();
        assert_eq!((finding.rule, finding.detail.as_str()), ("text-line", "line 2 is `b`, then `c`"));
    }

    #[test]
    fn the_same_lines_in_another_order_are_known_also_where_they_have_times() {
        let finding = found("a 03:04:05\nb\nc\n", "c\nb\na 03:04:05\n").unwrap();
        assert_eq!(finding.rule, "text-order");
        assert!(finding.detail.starts_with("the same 3 lines; line 1 is"), "{}", finding.detail);
        // A part of a file cannot say it.
        let part = Pair { whole: false, ..Pair::new(b"x", b"aa\nbb\n", b"bb\naa\n", true) };
        assert_eq!(look(&part).unwrap().rule, "text-line");
    }

    #[test]
    fn the_same_words_of_a_line_in_another_order_are_known() {
        let finding =
            found("{\"one\": 1, \"two\": 2, \"three\": 3}", "{\"two\": 2, \"three\": 3, \"one\": 1}")
                .unwrap();
        assert_eq!(finding.rule, "text-order");
        assert_eq!(found("12 21", "21 12").unwrap().rule, "text-line");
    }

    #[test]
    fn a_line_that_one_has_and_the_other_has_not_is_a_line_that_differs() {
        assert_eq!(found("a", "a\nb").unwrap().detail, "line 2 is ``, then `b`");
    }

    #[test]
    fn a_character_that_the_part_cuts_in_two_is_no_reason_to_call_it_bytes() {
        let (first, second) = ("a\n1\né".as_bytes(), "a\n2\né".as_bytes());
        let (first, second) = (&first[..first.len() - 1], &second[..second.len() - 1]);
        assert_eq!(first_line(first, second, false).unwrap(), "line 2 is `1`, then `2`");
        assert_eq!(first_line(first, second, true), None);
        assert_eq!(first_line(b"a\0", b"b\0", true), None);
    }

    #[test]
    fn a_number_by_itself_is_of_processors_if_the_second_run_says_one() {
        let rule = |first: &str, second: &str| found(first, second).unwrap().rule;
        for (first, second) in [("2", "1"), ("16\n", "1\n"), (" 512 ", "1")] {
            assert_eq!(rule(first, second), "text-processors", "{first} {second}");
        }
        for (first, second) in [
            ("1", "2"),
            ("8", "4"),
            ("513", "1"),
            ("0", "1"),
            ("2 3", "1"),
            ("2", "01"),
            ("2", "1\nx"),
            ("", "1"),
        ] {
            assert_eq!(rule(first, second), "text-line", "{first} {second}");
        }
        let part = Pair { whole: false, ..Pair::new(b"x", b"2", b"1", true) };
        assert_eq!(look(&part).unwrap().rule, "text-line");
    }

    #[test]
    fn text_in_latin_1_and_utf_16_is_text_too() {
        let latin = |time: &str| [b"gr\xfc\xdfe von ", time.as_bytes(), b" Uhr, der Autor\n"].concat();
        let look = |first: &[u8], second: &[u8]| look(&Pair::new(b"x", first, second, true));
        let finding = look(&latin("03:04:05"), &latin("03:04:06")).unwrap();
        assert_eq!(finding.rule, "text-time");
        assert!(finding.detail.contains("e von 03:04:05 Uhr"), "{}", finding.detail);
        // What cannot be read is not told apart, and so not named.
        assert_eq!(look(b"a long line with \xfc", b"a long line with \xdf"), None);
        for (mark, bytes) in
            [(b"\xff\xfe", u16::to_le_bytes as fn(u16) -> [u8; 2]), (b"\xfe\xff", u16::to_be_bytes)]
        {
            let wide =
                |text: &str| [&mark[..], &text.encode_utf16().flat_map(bytes).collect::<Vec<_>>()].concat();
            let finding = look(&wide("a\r\nä 03:04:05"), &wide("a\r\nä 03:04:06")).unwrap();
            assert_eq!(finding, Finding::new("text-time", "line 2 is `ä 03:04:05`, then `ä 03:04:06`"));
        }
        // Bytes are not.
        assert_eq!(look(b"\xff\xfe\0\xd8ab", b"\xff\xfe\0\xd8ac"), None);
        assert_eq!(look(b"\xff\x01abcdefghijklmno", b"\xff\x01abcdefghijklmnp"), None);
    }
}
