//! Values as Go prints them: history is made of BuildKit's `%q`, `%v` and `%+v`.

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;

/// What Go's `%q` leaves as it is above ASCII.
static PRINTABLE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[\p{L}\p{M}\p{N}\p{P}\p{S}]$").expect("a constant pattern"));

/// `%q` of a list: `["a" "b"]`.
pub(super) fn quoted_list(list: &[String]) -> String {
    let quoted: Vec<String> = list.iter().map(|text| quoted(text)).collect();
    format!("[{}]", quoted.join(" "))
}

/// `%v` of a list: `[a b]`.
pub(super) fn list(list: &[String]) -> String {
    format!("[{}]", list.join(" "))
}

/// `%q` of a string.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for ch in text.chars() {
        match ch {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x0b' => out.push_str("\\v"),
            ' '..='~' => out.push(ch),
            _ if ch.is_ascii() => write!(out, "\\x{:02x}", ch as u32).expect("a String takes all"),
            _ if PRINTABLE.is_match(ch.encode_utf8(&mut [0; 4])) => out.push(ch),
            _ if ch as u32 <= 0xffff => write!(out, "\\u{:04x}", ch as u32).expect("a String takes all"),
            _ => write!(out, "\\U{:08x}", ch as u32).expect("a String takes all"),
        }
    }
    out.push('"');
    out
}

/// A duration in nanoseconds as Go prints it: `1h0m0s`, `1.5s`, `300ms`, `0s`.
pub(super) fn duration(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let n = nanoseconds.unsigned_abs();
    if n == 0 {
        return "0s".to_string();
    }
    if n < 1_000_000_000 {
        let (unit, size) = match n {
            0..1_000 => ("ns", 1),
            1_000..1_000_000 => ("µs", 1_000),
            _ => ("ms", 1_000_000),
        };
        return format!("{sign}{}{unit}", fraction(n, size));
    }
    let (minutes, rest) = (n / 60_000_000_000, n % 60_000_000_000);
    let seconds = fraction(rest, 1_000_000_000);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
        (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

/// `n / size` without zeros at the end.
fn fraction(n: u64, size: u64) -> String {
    let (whole, rest) = (n / size, n % size);
    if rest == 0 {
        return whole.to_string();
    }
    let digits = format!("{:0width$}", rest, width = size.ilog10() as usize);
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_as_go_quotes_them() {
        assert_eq!(quoted("a \"b\" \\ \n\u{1}é 日\u{301}"), "\"a \\\"b\\\" \\\\ \\n\\x01é 日\u{301}\"");
        assert_eq!(quoted("\u{200b}\u{f0000}\u{a0}\u{7f}"), "\"\\u200b\\U000f0000\\u00a0\\x7f\"");
        assert_eq!(quoted_list(&["a".into(), "b c".into()]), "[\"a\" \"b c\"]");
    }

    #[test]
    fn durations_are_written_as_go_writes_them() {
        for (nanoseconds, want) in [
            (0, "0s"),
            (1_500, "1.5µs"),
            (300_000_000, "300ms"),
            (1_500_000_000, "1.5s"),
            (30_000_000_000, "30s"),
            (60_000_000_000, "1m0s"),
            (5_400_000_000_000, "1h30m0s"),
            (3_600_000_000_001, "1h0m0.000000001s"),
        ] {
            assert_eq!(duration(nanoseconds), want);
        }
    }
}
