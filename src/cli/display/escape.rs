//! Makes foreign text safe to print: nothing in it can drive the terminal.

use std::fmt::Write as _;

/// `text` with every control character, other than tab and line feed, written out; also the characters that reorder
/// text (Unicode's bidirectional controls), which can make a line read as what it is not.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' | '\n' => safe.push(c),
            '\u{1b}' => safe.push_str("^["),
            c if c.is_control() || is_bidirectional(c) => {
                write!(safe, "\\u{{{:x}}}", c as u32).expect("writing to memory");
            }
            c => safe.push(c),
        }
    }
    safe
}

/// One line of a process's output: colours (SGR sequences) and other sequences fall away, a carriage return shows what
/// stood last on the line, the rest is escaped.
pub fn escape_line(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end_matches(['\r', '\n']);
    let last = text.rsplit('\r').find(|part| !part.is_empty()).unwrap_or_default();
    escape(&strip_sequences(last))
}

/// Takes out well-formed CSI sequences (`ESC [ … final`), which only colour or move in a log.
fn strip_sequences(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\u{1b}[") {
        plain.push_str(&rest[..at]);
        let body = &rest[at + 2..];
        match body.find(|c: char| !matches!(c, '\u{20}'..='\u{3f}')) {
            Some(end) if body[end..].starts_with(|c: char| matches!(c, '@'..='~')) => rest = &body[end + 1..],
            _ => {
                plain.push('\u{1b}');
                rest = &rest[at + 1..];
            }
        }
    }
    plain.push_str(rest);
    plain
}

fn is_bidirectional(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{061c}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_left_in_a_line_can_drive_a_terminal() {
        for (line, want) in [
            (&b"\x1b[31mred\x1b[0m"[..], "red"),
            (b"\x1b]0;title\x07x", "^[]0;title\\u{7}x"),
            (b"10%\r50%\r100%\n", "100%"),
            (b"a\x08b", "a\\u{8}b"),
            ("x\u{202e}y".as_bytes(), "x\\u{202e}y"),
            (b"tab\tok", "tab\tok"),
            (b"\x1b[", "^[["),
            (b"\x9b31m", "\u{fffd}31m"),
        ] {
            assert_eq!(escape_line(line), want);
            assert!(!escape_line(line).contains('\u{1b}'));
        }
    }
}
