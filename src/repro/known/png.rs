//! PNG pictures: the time of the last change, and texts with times.

use super::number::{First, number, place, slice};
use super::pair::{Finding, Pair};
use super::pieces::Among;
use super::strings;

const MAGIC: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A part of the file.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Chunk<'a> {
    kind: &'a [u8],
    content: &'a [u8],
}

/// Says whether the first part that differs is a time.
pub fn look(pair: &Pair<'_>) -> Option<Finding> {
    if !pair.starts_with(MAGIC) {
        return None;
    }
    let mut pairs = Chunks(&pair.first[MAGIC.len()..]).zip(Chunks(&pair.second[MAGIC.len()..]));
    let (first, second) = pairs.find(|(first, second)| first != second)?;
    match (first.kind, second.kind) {
        (b"tIME", b"tIME") => {
            let detail = format!("{}, then {}", time(first.content)?, time(second.content)?);
            Some(Finding::new("png-time", detail))
        }
        (b"tEXt" | b"iTXt", b"tEXt" | b"iTXt") => {
            let found = strings::around(first.content, second.content, 0, Among::Bytes)?;
            let key = first.content.split(|byte| *byte == 0).next().unwrap_or_default();
            let rule = if found.rule == "text-time" { "png-time" } else { found.rule };
            Some(Finding::new(rule, format!("in its text {}", String::from_utf8_lossy(key))))
        }
        _ => None,
    }
}

/// SPEC: PNG, 11.3.6.1: year, month, day, hour, minute, second.
fn time(content: &[u8]) -> Option<String> {
    let year = number(content, 0, 2, First::High)?;
    let [month, day, hour, minute, second] = *content.get(2..7)? else { return None };
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

/// The parts one after the other: length, kind, content, checksum.
struct Chunks<'a>(&'a [u8]);

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        let length = place(self.0, 0, 4, First::High)?;
        let (kind, content) = (slice(self.0, 4, 4)?, slice(self.0, 8, length)?);
        self.0 = self.0.get(length.checked_add(12)?..)?;
        Some(Chunk { kind, content })
    }
}

#[cfg(test)]
mod tests {
    use super::super::forge;
    use super::*;

    #[test]
    fn the_time_of_change_and_texts_with_times_are_known() {
        let picture = |second: u8, text: &str| {
            forge::png(&[
                (b"IHDR", &[0; 13]),
                (b"tEXt", &[b"date:create\0", text.as_bytes()].concat()),
                (b"tIME", &[0x07, 0xea, 1, 2, 3, 4, second]),
                (b"IDAT", b"xyz"),
            ])
        };
        let found = |first: &[u8], second: &[u8]| look(&Pair::new(b"x.png", first, second, true));
        let at = picture(5, "2026-01-02T03:04:05+00:00");
        let finding = found(&at, &picture(6, "2026-01-02T03:04:05+00:00")).unwrap();
        assert_eq!(finding, Finding::new("png-time", "2026-01-02T03:04:05Z, then 2026-01-02T03:04:06Z"));
        let finding = found(&at, &picture(5, "2026-01-02T03:04:06+00:00")).unwrap();
        assert_eq!(finding, Finding::new("png-time", "in its text date:create"));
        let other = forge::png(&[(b"IHDR", &[1; 13])]);
        assert_eq!(found(&at, &other), None);
    }
}
