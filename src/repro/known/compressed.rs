//! Compressed files: the header of gzip, and what comes out of all kinds.

use std::io::{self, Read};

use super::super::content::compare_content;
use super::look as look_inside;
use super::number::{First, number, place};
use super::pair::{Around, Finding, Pair};
use crate::layer::{Encoding, Limits, decompress, sniff};
use crate::oci::Epoch;

/// LIMIT: ours. Memory for what a compressor may look back to; its highest usual level needs this.
const WINDOW: u64 = 64 << 20;
/// LIMIT: ours. So far into what comes out a difference is looked for; only its beginning is looked at.
const FAR: u64 = 64 << 20;

/// Says whether the header, what is inside or only the compressor differs.
pub fn look(pair: &Pair<'_>) -> Option<Finding> {
    let (first, second) = (sniff(pair.first), sniff(pair.second));
    if first != second || first == Encoding::Plain {
        return None;
    }
    if first == Encoding::Gzip
        && let Some(found) = header(pair)
    {
        return Some(found);
    }
    let (mut first, mut second) = pair.both(Plain::new)?;
    let found = compare_content(&mut first, &mut second).ok()?;
    let complete = pair.whole && first.is_complete() && second.is_complete();
    let Some((content, beginnings)) = found else {
        return complete.then(|| Finding::new("compressor", ""));
    };
    // Where a part ends is no difference.
    let common = content.sizes.0.min(content.sizes.1);
    if content.offset == common && !complete {
        return None;
    }
    let (one, other) = (&beginnings.first[..], &beginnings.second[..]);
    let whole = complete && content.sizes == (one.len() as u64, other.len() as u64);
    let around = Around { start: content.start, first: &content.around.0, second: &content.around.1 };
    let inside = pair.inside(inner_name(pair.name), one, other, whole)?;
    look_inside(&Pair { around: Some(around), ..inside }).map(|found| found.within("inside"))
}

/// What comes out of a compressed file, as far as it does and is not too much.
struct Plain<'a> {
    from: Box<dyn Read + Send + 'a>,
    left: u64,
    broken: bool,
}

impl<'a> Plain<'a> {
    fn new(bytes: &'a [u8]) -> Option<Plain<'a>> {
        let limits = Limits { size: 2 * FAR, window: WINDOW, ..Limits::default() };
        Some(Plain { from: decompress(Box::new(bytes), &limits).ok()?, left: FAR, broken: false })
    }

    /// Whether all of it came out.
    fn is_complete(&self) -> bool {
        !self.broken && self.left > 0
    }
}

impl Read for Plain<'_> {
    /// What is broken ends there.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let room = into.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = match self.broken {
            true => Ok(0),
            false => self.from.read(&mut into[..room]),
        };
        self.broken |= read.is_err();
        let count = read.unwrap_or_default();
        self.left -= count as u64;
        Ok(count)
    }
}

/// What the headers of two gzip files say. SPEC: RFC 1952, 2.3.
fn header(pair: &Pair<'_>) -> Option<Finding> {
    let (first, second) = pair.both(|bytes| number(bytes, 4, 4, First::Low))?;
    if first != second {
        // SPEC: 0 is no time.
        let shown = |time: u64| if time == 0 { "none".to_string() } else { Epoch(time as i64).rfc3339() };
        return Some(Finding::new("gzip-time", format!("{}, then {}", shown(first), shown(second))));
    }
    let (first, second) = pair.both(file_name)?;
    let shown = |name: &[u8]| String::from_utf8_lossy(name.get(..256).unwrap_or(name)).into_owned();
    (first != second).then(|| Finding::new("gzip-name", format!("{}, then {}", shown(first), shown(second))))
}

/// The name of what was compressed; empty if there is none.
fn file_name(bytes: &[u8]) -> Option<&[u8]> {
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    let flags = *bytes.get(3)?;
    let extra = if flags & EXTRA > 0 { 2 + place(bytes, 10, 2, First::Low)? } else { 0 };
    let rest = bytes.get(10 + extra..)?;
    Some(if flags & NAME > 0 { rest.split(|byte| *byte == 0).next()? } else { &[] })
}

/// The name without what says that it is compressed.
fn inner_name(name: &[u8]) -> &[u8] {
    let ends: [&[u8]; 4] = [b".gz", b".xz", b".zst", b".bz2"];
    ends.iter().find_map(|end| name.strip_suffix(*end)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::super::super::content::KEPT;
    use super::super::forge;
    use super::*;

    fn found(first: &[u8], second: &[u8]) -> Option<Finding> {
        look(&Pair::new(b"srv/x.gz", first, second, true))
    }

    #[test]
    fn time_and_name_of_the_header_come_before_what_is_inside() {
        let finding =
            found(&forge::gzip(1_767_323_045, "x", b"a"), &forge::gzip(1_767_323_047, "x", b"b")).unwrap();
        assert_eq!(finding, Finding::new("gzip-time", "2026-01-02T03:04:05Z, then 2026-01-02T03:04:07Z"));
        let finding = found(&forge::gzip(0, "one", b"a"), &forge::gzip(0, "two", b"b")).unwrap();
        assert_eq!(finding, Finding::new("gzip-name", "one, then two"));
        let finding = found(&forge::gzip(0, "", b"a"), &forge::gzip(7, "", b"a")).unwrap();
        assert_eq!(finding.detail, "none, then 1970-01-01T00:00:07Z");
    }

    #[test]
    fn what_is_inside_is_looked_at() {
        let finding =
            found(&forge::gzip(0, "x", b"at 03:04:05\n"), &forge::gzip(0, "x", b"at 03:04:06\n")).unwrap();
        assert_eq!(finding, Finding::new("text-time", "inside, line 1 is `at 03:04:05`, then `at 03:04:06`"));
        let tar = |time| forge::gzip(0, "", &forge::tar(&[("a", time, "x"), ("b", 1, "y")]));
        let finding = found(&tar(1), &tar(2)).unwrap();
        assert_eq!(finding.rule, "archive-time");
        assert!(finding.detail.starts_with("inside, 1 of 2 members, among them a: "), "{}", finding.detail);
    }

    #[test]
    fn the_same_inside_is_the_compressors_doing() {
        let text: String = (0..3000).map(|number: u32| format!("{} ", number * number)).collect();
        let (fast, best) = (forge::gzip_at(1, text.as_bytes()), forge::gzip_at(9, text.as_bytes()));
        let same_header = |bytes: &[u8]| [&fast[..10], &bytes[10..]].concat();
        assert_ne!(fast, same_header(&best));
        assert_eq!(found(&fast, &same_header(&best)), Some(Finding::new("compressor", "")));
    }

    #[test]
    fn zstandard_is_opened_too() {
        let zstd = |text: &str| zstd::encode_all(text.as_bytes(), 1).unwrap();
        let finding = found(&zstd("at 03:04:05\n"), &zstd("at 03:04:06\n")).unwrap();
        assert_eq!(finding.rule, "text-time");
    }

    #[test]
    fn what_differs_far_inside_is_seen_at_its_place() {
        let big = |end: &str| [&vec![b'a'; KEPT][..], b" at ", end.as_bytes()].concat();
        let finding =
            found(&forge::gzip(0, "", &big("03:04:05")), &forge::gzip(0, "", &big("03:04:06"))).unwrap();
        assert_eq!(finding.rule, "text-time");
        assert!(finding.detail.starts_with("inside, at byte 4194315, `"), "{}", finding.detail);
        let big = "x".repeat(KEPT);
        let tar = |time| forge::gzip(0, "", &forge::tar(&[("a", 1, &big), ("b", time, "y")]));
        let finding = found(&tar(1_767_323_045), &tar(1_767_323_046)).unwrap();
        assert_eq!(finding.rule, "archive-time");
        assert!(finding.detail.contains("of the member at byte 4194816: 2026-01-02"), "{}", finding.detail);
    }

    #[test]
    fn where_a_part_ends_is_no_difference() {
        let lines: String = (0..9000).map(|number: u32| format!("{}\n", number * number)).collect();
        let (fast, best) = (forge::gzip_at(1, lines.as_bytes()), forge::gzip_at(9, lines.as_bytes()));
        let best = [&fast[..10], &best[10..]].concat();
        let half = fast.len() / 2;
        assert_eq!(look(&Pair::new(b"x.gz", &fast[..half], &best[..half], false)), None);
    }

    #[test]
    fn what_is_broken_inside_or_too_much_is_looked_at_as_far_as_it_goes() {
        let big = |end: &str| [&vec![b'a'; FAR as usize][..], end.as_bytes()].concat();
        assert_eq!(found(&forge::gzip(0, "", &big("1")), &forge::gzip(0, "", &big("2"))), None);
        assert_eq!(found(b"\x1f\x8b\x08\0\0\0\0\0\0\0one", b"\x1f\x8b\x08\0\0\0\0\0\0\0two"), None);
    }

    #[test]
    fn there_are_only_so_many_levels() {
        let nested =
            |text: &str| (0..6).fold(text.as_bytes().to_vec(), |inner, _| forge::gzip(0, "", &inner));
        assert_eq!(found(&nested("at 03:04:05"), &nested("at 03:04:06")), None);
    }
}
