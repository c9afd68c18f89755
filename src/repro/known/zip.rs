//! Zip archives, jar files and wheels: by their directory, or by what stands before each member where that is cut off.

use std::borrow::Cow;

use super::members::{Content, MEMBERS, Member, Members, compare};
use super::number::{First, number, place, slice};
use super::pair::{Finding, Pair};

/// SPEC: APPNOTE.TXT 4.3.7, 4.3.12 and 4.3.16.
const LOCAL: &[u8] = b"PK\x03\x04";
const ENTRY: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
/// So long the end is at most: a comment of 65535 bytes may follow it.
const LONGEST_END: usize = 22 + 0xffff;
/// The sizes stand behind the content rather than before it.
const SIZES_LATER: usize = 8;
const DEFLATED: usize = 8;

/// Says in what two archives differ.
pub fn look(pair: &Pair<'_>) -> Option<Finding> {
    if !pair.starts_with(LOCAL) {
        return None;
    }
    let (first, second) = pair.both(|bytes| directory(bytes).or_else(|| locals(bytes)))?;
    compare(pair, "archive-time", &first, &second)
}

/// Reads the directory at the end.
fn directory(bytes: &[u8]) -> Option<Members<'_>> {
    let from = bytes.len().saturating_sub(LONGEST_END);
    let end = from + bytes[from..].windows(END.len()).rposition(|window| window == END)?;
    let mut at = place(bytes, end + 16, 4, First::Low)?;
    let mut list = Vec::new();
    // Each round goes forward by an entry at least.
    while at < end && list.len() < MEMBERS {
        let entry = slice(bytes, at, 46).filter(|entry| entry.starts_with(ENTRY))?;
        let field = |at: usize, width: usize| place(entry, at, width, First::Low).unwrap_or_default();
        let (name, extra, comment) = (field(28, 2), field(30, 2), field(32, 2));
        let local = slice(bytes, field(42, 4), 30).filter(|local| local.starts_with(LOCAL))?;
        let after = |at: usize| place(local, at, 2, First::Low).unwrap_or_default();
        let extended = field(42, 4) + 30 + after(26);
        let content = extended + after(28);
        list.push(Member {
            name: Cow::Borrowed(slice(bytes, at + 46, name)?),
            time: time(entry, 12),
            // SPEC: the upper half is the mode where the archive was made under Unix.
            owner: format!("mode {:o}", field(38, 4) >> 16),
            extended: slice(bytes, extended, after(28))?,
            content: held(field(10, 2), slice(bytes, content, field(20, 4))?),
            whole: true,
        });
        at += 46 + name + extra + comment;
    }
    (!list.is_empty()).then_some(Members { list, complete: at >= end })
}

/// Reads members one after the other, as far as each says its size.
fn locals(bytes: &[u8]) -> Option<Members<'_>> {
    let (mut at, mut list) = (0, Vec::new());
    while let Some(local) = slice(bytes, at, 30).filter(|local| local.starts_with(LOCAL)) {
        let field = |at: usize, width: usize| place(local, at, width, First::Low).unwrap_or_default();
        let (name, extra, size) = (field(26, 2), field(28, 2), field(18, 4));
        let start = at + 30 + name + extra;
        let (Some(extended), true) = (slice(bytes, at + 30 + name, extra), list.len() < MEMBERS) else {
            break;
        };
        let content = bytes.get(start..start.saturating_add(size).min(bytes.len())).unwrap_or_default();
        list.push(Member {
            name: Cow::Borrowed(&bytes[at + 30..at + 30 + name]),
            time: time(local, 10),
            owner: String::new(),
            extended,
            content: held(field(8, 2), content),
            whole: content.len() == size,
        });
        if field(6, 2) & SIZES_LATER > 0 {
            break;
        }
        at = start.saturating_add(size);
    }
    (!list.is_empty()).then_some(Members { list, complete: false })
}

fn held(method: usize, content: &[u8]) -> Content<'_> {
    if method == DEFLATED { Content::Deflated(content) } else { Content::Stored(content) }
}

/// The time and date of DOS: seconds by two, no zone.
fn time(header: &[u8], at: usize) -> String {
    let half = |at| number(header, at, 2, First::Low).unwrap_or_default();
    let (time, date) = (half(at), half(at + 2));
    let (year, month, day) = (1980 + (date >> 9), date >> 5 & 15, date & 31);
    let (hour, minute, second) = (time >> 11, time >> 5 & 63, (time & 31) * 2);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::super::forge::{self, Zipped};
    use super::*;

    fn found(first: &[u8], second: &[u8]) -> Option<Finding> {
        look(&Pair::new(b"srv/x.jar", first, second, true))
    }

    /// 2026-01-02 03:04:06.
    const TIME: u32 = (46 << 25) | (1 << 21) | (2 << 16) | (3 << 11) | (4 << 5) | 3;

    #[test]
    fn the_member_and_both_times_are_named() {
        let archive =
            |time: u32| forge::zip(&[Zipped::new("a", TIME + time, b"x"), Zipped::new("b", TIME, b"y")]);
        let detail = "1 of 2 members, among them a: 2026-01-02 03:04:06, then 2026-01-02 03:04:08";
        assert_eq!(found(&archive(0), &archive(1)), Some(Finding::new("archive-time", detail)));
    }

    #[test]
    fn order_extra_fields_and_compressed_content_are_told_apart() {
        let (a, b) = (Zipped::new("a", TIME, b"x"), Zipped::new("b", TIME, b"y"));
        assert_eq!(found(&forge::zip(&[a, b]), &forge::zip(&[b, a])).unwrap().rule, "archive-order");
        let dated = |extra: &'static [u8]| forge::zip(&[Zipped { extra, ..a }]);
        assert_eq!(
            found(&dated(b"UT\x01\0\x01"), &dated(b"UT\x01\0\x02")),
            Some(Finding::new("archive-extended", "in a"))
        );
        let deflated = |content: &'static [u8]| forge::zip(&[Zipped { deflate: true, content, ..a }]);
        let finding =
            found(&deflated(b"built=2026-01-02T03:04:05Z"), &deflated(b"built=2026-01-02T03:04:06Z"))
                .unwrap();
        assert_eq!(finding.rule, "text-time");
        assert!(
            finding.detail.starts_with("in a, line 1 is `built=2026-01-02T03:04:05Z`"),
            "{}",
            finding.detail
        );
    }

    #[test]
    fn without_the_directory_members_are_read_from_the_front() {
        let archive = |time: u32| {
            let mut archive =
                forge::zip(&[Zipped::new("a", TIME, b"x"), Zipped::new("b", TIME + time, b"y")]);
            let end = archive.windows(4).position(|window| window == ENTRY).unwrap();
            archive.truncate(end);
            archive
        };
        let finding = found(&archive(0), &archive(1)).unwrap();
        assert_eq!(finding.rule, "archive-time");
        assert!(finding.detail.contains("among them b"), "{}", finding.detail);
    }

    #[test]
    fn a_directory_that_leads_nowhere_is_none() {
        let mut archive = forge::zip(&[Zipped::new("a", TIME, b"x")]);
        let end = archive.len() - 22;
        archive[end + 16..end + 20].fill(0xff);
        assert!(directory(&archive).is_none());
        assert_eq!(locals(&archive).unwrap().list.len(), 1);
    }
}
