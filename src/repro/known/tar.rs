//! Tar archives, read as far as two can be compared. What makes a layer is `layer`'s, which refuses where this goes on.

use std::borrow::Cow;

use super::members::{Content, MEMBERS, Member, Members, compare};
use super::number::{first_difference, slice};
use super::pair::{Around, Finding, Pair};
use crate::oci::Epoch;

const BLOCK: usize = 512;
/// SPEC: POSIX.1-2017 pax, "ustar Interchange Format".
const NAME: std::ops::Range<usize> = 0..100;
const MODE: std::ops::Range<usize> = 100..108;
const UID: std::ops::Range<usize> = 108..116;
const GID: std::ops::Range<usize> = 116..124;
const SIZE: std::ops::Range<usize> = 124..136;
const MTIME: std::ops::Range<usize> = 136..148;
const CHECKSUM: std::ops::Range<usize> = 148..156;
const FLAG: usize = 156;
const MAGIC: std::ops::Range<usize> = 257..262;
const USER: std::ops::Range<usize> = 265..297;
const GROUP: std::ops::Range<usize> = 297..329;
const PREFIX: std::ops::Range<usize> = 345..500;

/// Says in what two archives differ.
pub fn look(pair: &Pair<'_>) -> Option<Finding> {
    let (first, second) = pair.both(members)?;
    compare(pair, "archive-time", &first, &second)
}

/// Says whether a member's time is what differs behind what is here of two archives.
pub fn around(pair: &Pair<'_>, around: &Around<'_>) -> Option<Finding> {
    let is_one = |bytes| slice(bytes, 0, BLOCK).is_some_and(is_header);
    if !is_one(pair.first) || !is_one(pair.second) {
        return None;
    }
    let at = around.start.checked_add(first_difference(around.first, around.second)? as u64)?;
    let (block, within) = (at - at % BLOCK as u64, (at % BLOCK as u64) as usize);
    if !MTIME.contains(&within) {
        return None;
    }
    // The place may be in what a member holds: two fields of numerals one after the other hardly are.
    let field = |bytes, field: std::ops::Range<usize>| {
        let from = (block + field.start as u64).checked_sub(around.start)?;
        let text = slice(bytes, usize::try_from(from).ok()?, field.len())?;
        let digits = text.trim_ascii_start().strip_suffix(b" ").unwrap_or(text).strip_suffix(b"\0")?;
        (digits.len() >= 6 && digits.iter().all(|byte| matches!(byte, b'0'..=b'7'))).then(|| octal(digits))?
    };
    let time = |bytes| field(bytes, CHECKSUM).and_then(|_| field(bytes, MTIME));
    let (first, second) = (time(around.first)?, time(around.second)?);
    let detail = format!("of the member at byte {block}: {}, then {}", shown(first), shown(second));
    Some(Finding::new("archive-time", detail))
}

/// What the headers before a member say about it.
#[derive(Default)]
struct Before<'a> {
    name: Option<&'a [u8]>,
    time: Option<String>,
    size: Option<usize>,
    /// Where the first of them begins.
    start: Option<usize>,
}

/// Reads members up to the end, or to what is none; none if the first is none.
fn members(bytes: &[u8]) -> Option<Members<'_>> {
    let mut members = Members { list: Vec::new(), complete: false };
    let (mut at, mut before) = (0, Before::default());
    // Each round goes forward by a block at least.
    while let Some(header) = slice(bytes, at, BLOCK) {
        if header.iter().all(|byte| *byte == 0) {
            members.complete = true;
            break;
        }
        if !is_header(header) || members.list.len() == MEMBERS {
            break;
        }
        let start = at + BLOCK;
        let said = numeric(&header[SIZE]).and_then(|size| usize::try_from(size).ok());
        let Some(size) = before.size.or(said) else { break };
        // A size has no meaning where there is no content.
        let size = if matches!(header[FLAG], b'1'..=b'6') { 0 } else { size };
        let end = start.saturating_add(size);
        let content = &bytes[start..end.min(bytes.len())];
        match header[FLAG] {
            b'x' => {
                before.start.get_or_insert(at);
                records(content, &mut before);
            }
            b'L' => {
                before.start.get_or_insert(at);
                before.name = Some(until_zero(content));
            }
            b'K' | b'g' => {
                before.start.get_or_insert(at);
            }
            _ => {
                let before = std::mem::take(&mut before);
                members.list.push(Member {
                    name: before.name.map(Cow::Borrowed).unwrap_or_else(|| name(header)),
                    time: before.time.unwrap_or_else(|| time(header)),
                    owner: owner(header),
                    extended: before.start.map(|start| &bytes[start..at]).unwrap_or_default(),
                    content: Content::Stored(content),
                    whole: content.len() == size,
                });
            }
        }
        let Some(next) = size.checked_next_multiple_of(BLOCK).and_then(|size| start.checked_add(size)) else {
            break;
        };
        at = next;
    }
    (!members.list.is_empty()).then_some(members)
}

fn is_header(header: &[u8]) -> bool {
    let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
    let own: u64 = header[CHECKSUM].iter().map(|byte| u64::from(*byte)).sum();
    // SPEC: the sum is made with blanks where it will stand.
    octal(&header[CHECKSUM]) == Some(sum - own + 8 * u64::from(b' '))
}

/// A number: octal, or the binary form of GNU for what is too large.
fn numeric(field: &[u8]) -> Option<u64> {
    match field {
        [(0x80..), .., a, b, c, d, e, f, g, h] => Some(u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h])),
        field => octal(field),
    }
}

fn octal(field: &[u8]) -> Option<u64> {
    let mut digits =
        field.iter().skip_while(|byte| **byte == b' ').take_while(|byte| matches!(byte, b'0'..=b'7'));
    digits.try_fold(0_u64, |number, digit| number.checked_mul(8)?.checked_add(u64::from(digit - b'0')))
}

fn name(header: &[u8]) -> Cow<'_, [u8]> {
    let (prefix, name) = (until_zero(&header[PREFIX]), until_zero(&header[NAME]));
    // GNU's older form has other things where POSIX has the prefix.
    let posix = &header[MAGIC] == b"ustar" && header[MAGIC.end] == 0;
    match posix && !prefix.is_empty() {
        true => Cow::Owned([prefix, b"/", name].concat()),
        false => Cow::Borrowed(name),
    }
}

fn time(header: &[u8]) -> String {
    shown(numeric(&header[MTIME]).unwrap_or_default())
}

fn shown(seconds: u64) -> String {
    Epoch(i64::try_from(seconds).unwrap_or(i64::MAX)).rfc3339()
}

fn owner(header: &[u8]) -> String {
    let number = |field: std::ops::Range<usize>| numeric(&header[field]).unwrap_or_default();
    let text = |field: std::ops::Range<usize>| String::from_utf8_lossy(until_zero(&header[field]));
    let (mode, uid, gid) = (number(MODE), number(UID), number(GID));
    format!("{uid} ({}), {gid} ({}), mode {mode:04o}", text(USER), text(GROUP))
}

fn until_zero(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Reads `length key=value` lines; what is none ends it.
fn records<'a>(mut rest: &'a [u8], before: &mut Before<'a>) {
    while let Some((record, after)) = record(rest) {
        rest = after;
        let Some(equals) = record.iter().position(|byte| *byte == b'=') else { continue };
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        let text = std::str::from_utf8(value).unwrap_or_default();
        match key {
            b"path" => before.name = Some(value),
            b"size" => before.size = text.parse().ok(),
            b"mtime" => {
                let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
                let time = seconds.parse().ok().map(|seconds| Epoch(seconds).rfc3339());
                let point = if fraction.is_empty() { "" } else { "." };
                before.time = time.map(|time| format!("{}{point}{fraction}Z", time.trim_end_matches('Z')));
            }
            _ => {}
        }
    }
}

/// The first record without its length and its end, and what follows it.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = bytes.iter().take(12).position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(&bytes[..blank]).ok()?.parse().ok()?;
    let record = bytes.get(blank + 1..length)?.strip_suffix(b"\n")?;
    Some((record, &bytes[length..]))
}

#[cfg(test)]
mod tests {
    use super::super::forge;
    use super::*;

    fn found(first: &[u8], second: &[u8]) -> Option<Finding> {
        look(&Pair::new(b"srv/x.tar", first, second, true))
    }

    #[test]
    fn the_member_and_both_times_are_named() {
        let finding = found(
            &forge::tar(&[("d/a", 1_767_323_045, "x"), ("d/b", 1, "y")]),
            &forge::tar(&[("d/a", 1_767_323_046, "x"), ("d/b", 1, "y")]),
        );
        let detail = "1 of 2 members, among them d/a: 2026-01-02T03:04:05Z, then 2026-01-02T03:04:06Z";
        assert_eq!(finding, Some(Finding::new("archive-time", detail)));
    }

    #[test]
    fn order_owner_and_content_are_told_apart() {
        let one = forge::tar(&[("a", 1, "x"), ("b", 1, "y")]);
        assert_eq!(found(&one, &forge::tar(&[("b", 1, "y"), ("a", 1, "x")])).unwrap().rule, "archive-order");
        let mut owned = one.clone();
        forge::tar_owner(&mut owned, 1000, "alice");
        let finding = found(&one, &owned).unwrap();
        assert_eq!(finding.rule, "archive-owner");
        assert!(finding.detail.contains("a: 0 (), 0 (), mode 0644, then 1000 (alice)"), "{}", finding.detail);
        let finding =
            found(&forge::tar(&[("a", 1, "at 03:04:05")]), &forge::tar(&[("a", 1, "at 03:04:06")])).unwrap();
        assert_eq!(finding, Finding::new("text-time", "in a, line 1 is `at 03:04:05`, then `at 03:04:06`"));
    }

    #[test]
    fn extended_headers_give_names_and_times_and_differ_by_themselves() {
        let archive = |process: u32, records: &str| forge::tar_extended(process, records, "short", "x");
        let named = archive(1, "99 path=aa\n");
        assert!(members(&named).unwrap().list[0].name.starts_with(b"short"));
        let (first, second) =
            (archive(1, "11 path=ab\n18 mtime=1.123456\n"), archive(1, "11 path=ab\n18 mtime=1.223456\n"));
        let finding = found(&first, &second).unwrap();
        assert_eq!(finding.rule, "archive-time");
        assert!(finding.detail.contains("ab: 1970-01-01T00:00:01.123456Z, then"), "{}", finding.detail);
        let finding = found(&archive(11, "11 path=ab\n"), &archive(12, "11 path=ab\n")).unwrap();
        assert_eq!(finding, Finding::new("archive-extended", "in ab"));
    }

    #[test]
    fn a_time_behind_the_beginning_is_known_by_its_place() {
        let archive =
            |time: u64| forge::tar(&[("a", 1, "x"), ("b", time, &"1234567\0".repeat(64)), ("c", 1, "x")]);
        let (first, second) = (archive(1_767_323_045), archive(1_767_323_046));
        let found = |first: &[u8], second: &[u8]| {
            let start = first_difference(first, second).unwrap() - 16;
            let around = |bytes| slice(bytes, start, 64).unwrap();
            let around = Around { start: start as u64, first: around(first), second: around(second) };
            let beginning = &first[..BLOCK];
            super::around(&Pair::new(b"x.tar", beginning, beginning, false), &around)
        };
        let detail = "of the member at byte 1024: 2026-01-02T03:04:05Z, then 2026-01-02T03:04:06Z";
        assert_eq!(found(&first, &second), Some(Finding::new("archive-time", detail)));
        // In a member's content, at the same place of a block.
        let mut other = first.clone();
        other[3 * BLOCK + MTIME.start + 1] = b'7';
        assert_eq!(found(&first, &other), None);
    }

    #[test]
    fn sizes_that_lead_nowhere_end_the_archive() {
        let mut archive = forge::tar(&[("a", 1, "x"), ("b", 1, "y")]);
        archive[SIZE][..12].copy_from_slice(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
        forge::tar_checksum(&mut archive);
        let members = members(&archive).unwrap();
        assert_eq!((members.list.len(), members.complete), (1, false));
        assert!(!members.list[0].whole);
        assert!(super::members(&[b'a'; 1024]).is_none());
    }
}
