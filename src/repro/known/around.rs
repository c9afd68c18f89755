//! Files that differ behind what is here of them: what stands around that place.

use super::pair::{Finding, Pair};
use super::pieces::Among;
use super::{elf, key, strings, tar, text};

/// Says what stands where they begin to differ, by what kind of file the beginning is.
pub fn look(pair: &Pair<'_>) -> Option<Finding> {
    let around = pair.around?;
    // No piece of a file that has a key in it is quoted.
    if let Some(found) = key::look(pair) {
        return Some(found);
    }
    let strings = |among| strings::around(around.first, around.second, around.start, among);
    if elf::is_one(pair) {
        return strings(Among::Program).map(elf::in_program);
    }
    let among = if text::is_one(pair) { Among::Text } else { Among::Bytes };
    tar::around(pair, &around).or_else(|| strings(among))
}

#[cfg(test)]
mod tests {
    use super::super::look;
    use super::super::pair::Around;
    use super::*;

    /// What is found in files that share this beginning, and have these bytes from a place on.
    fn found(beginning: &[u8], start: u64, first: &[u8], second: &[u8]) -> Option<Finding> {
        let pair = Pair { around: Some(Around { start, first, second }), ..Pair::new(b"x", b"", b"", false) };
        look(&Pair { first: beginning, second: beginning, ..pair })
    }

    #[test]
    fn the_beginning_says_how_much_the_text_is_believed() {
        let (first, second) = (b"\0at 1767323045\0", b"\0at 1767323046\0");
        let finding = found(b"\x7fELF\x02\x01", 5_000_000, first, second).unwrap();
        assert_eq!(
            finding,
            Finding::new("elf-time", "at byte 5000013, `at 1767323045`, then `at 1767323046`")
        );
        assert_eq!(found(b"text\n", 5_000_000, first, second).unwrap().rule, "text-time");
        assert_eq!(found(b"\0\xff\0", 5_000_000, first, second), None);
        let path = |name: &str| format!("\0/tmp/{name}/x.c\0");
        let (first, second) = (path("tmp.AbCdEf"), path("tmp.GhIjKl"));
        let rule = |beginning| found(beginning, 5_000_000, first.as_bytes(), second.as_bytes()).unwrap().rule;
        assert_eq!(rule(b"\x7fELF\x02\x01"), "elf-path");
        assert_eq!(rule(b"\0\xff\0"), "text-temporary-path");
    }

    #[test]
    fn keys_are_not_quoted_from_there_either() {
        let beginning = b"-----BEGIN PRIVATE KEY-----\nx";
        let finding = found(beginning, 5_000_000, b"at 03:04:05", b"at 03:04:06");
        assert_eq!(finding, Some(Finding::new("private-key", "")));
        assert_eq!(found(b"same", 0, b"", b""), None);
    }
}
