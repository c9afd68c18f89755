//! Text among other bytes: what stands where two files begin to differ.

use super::line::cut;
use super::number::first_difference;
use super::pair::{Finding, Pair};
use super::pieces::{self, Among};

/// LIMIT: ours. So far to either side of the difference text is taken.
const REACH: usize = 128;
/// LIMIT: ours. Shorter text is there by chance.
const LEAST: usize = 6;
/// LIMIT: ours. So many places that differ are looked at for text.
const PLACES: usize = 16;

/// Says what stands where the bytes begin to differ, if that is text of a known look.
pub fn look(pair: &Pair<'_>) -> Option<Finding> {
    around(pair.first, pair.second, 0, Among::Bytes)
}

/// The same of two pieces that begin at this place of their files.
pub fn around(first: &[u8], second: &[u8], from: u64, among: Among) -> Option<Finding> {
    text_at(first, second, first_difference(first, second)?, from, among)
}

/// The same of all places in which two pieces of one length differ: the first may be a checksum of the others.
pub fn anywhere(first: &[u8], second: &[u8], from: u64, among: Among) -> Option<Finding> {
    let mut at = 0;
    for _ in 0..PLACES {
        at += first_difference(first.get(at..)?, second.get(at..)?)?;
        let found = text_at(first, second, at, from, among);
        if found.is_some() {
            return found;
        }
        // One place is all bytes that differ in a row.
        at += first[at..].iter().zip(&second[at..]).take_while(|(one, other)| one != other).count().max(1);
    }
    None
}

/// What the text says in which two pieces differ at this place.
fn text_at(first: &[u8], second: &[u8], at: usize, from: u64, among: Among) -> Option<Finding> {
    let start = at - run(first.get(..at)?.iter().rev());
    let (one, other) = (printed(first, start, at)?, printed(second, start, at)?);
    let rule = pieces::look(one, other, among)?;
    let place = from.saturating_add(at as u64);
    Some(Finding::new(
        rule,
        format!("at byte {place}, `{}`, then `{}`", cut(one, at - start), cut(other, at - start)),
    ))
}

/// The text that begins at `start` and goes on at `at`.
fn printed(bytes: &[u8], start: usize, at: usize) -> Option<&str> {
    let end = at + run(bytes.get(at..)?.iter());
    let text = bytes.get(start..end).filter(|text| text.len() >= LEAST)?;
    std::str::from_utf8(text).ok()
}

/// How many bytes from here on can be printed.
fn run<'a>(bytes: impl Iterator<Item = &'a u8>) -> usize {
    bytes.take(REACH).take_while(|byte| matches!(byte, b' '..=b'~' | b'\t')).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_between_other_bytes_is_seen_where_it_differs() {
        let bytes = |time: &str| [&[0, 1, 2, 0xff][..], b"built ", time.as_bytes(), &[0, 9]].concat();
        let finding = around(&bytes("Jan  2 2026"), &bytes("Jan  3 2026"), 100, Among::Bytes).unwrap();
        assert_eq!(finding.rule, "text-time");
        assert_eq!(finding.detail, "at byte 115, `built Jan  2 2026`, then `built Jan  3 2026`");
    }

    #[test]
    fn other_bytes_say_nothing() {
        assert_eq!(around(&[1, 2, 3], &[1, 2, 4], 0, Among::Bytes), None);
        assert_eq!(around(b"abcdefgh\x01", b"abcdefgi\x01", 0, Among::Bytes), None);
        assert_eq!(around(b"", b"x", 0, Among::Bytes), None);
        assert_eq!(around(b"same", b"same", 0, Among::Bytes), None);
    }

    #[test]
    fn a_checksum_before_it_does_not_hide_a_time() {
        let bytes = |id: u8, time: &str| [&[id; 20][..], &[0; 8], b"at ", time.as_bytes(), b"\0"].concat();
        let (first, second) = (bytes(1, "03:04:05"), bytes(2, "03:04:06"));
        assert_eq!(around(&first, &second, 0, Among::Bytes), None);
        let finding = anywhere(&first, &second, 0, Among::Bytes).unwrap();
        assert_eq!(finding, Finding::new("text-time", "at byte 38, `at 03:04:05`, then `at 03:04:06`"));
        assert_eq!(anywhere(&[1; 1 << 16], &[2; 1 << 16], 0, Among::Bytes), None);
        assert_eq!(anywhere(&first, &first[..20], 0, Among::Bytes), None);
    }
}
