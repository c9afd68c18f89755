//! SQLite databases: the counter of changes, and the first page that differs.

use super::number::{First, number};
use super::pair::{Finding, Pair};
use super::pieces::Among;
use super::strings;

const MAGIC: &[u8] = b"SQLite format 3\0";
/// SPEC: sqlite.org/fileformat2: the counter of changes, and for which count of changes which version wrote the size.
const COUNTERS: [std::ops::Range<usize>; 2] = [24..28, 92..100];
const HEADER: usize = 100;

/// Says whether anything but counters differs, and where.
pub fn look(pair: &Pair<'_>) -> Option<Finding> {
    if !pair.starts_with(MAGIC) {
        return None;
    }
    let (first, second) = pair.both(|bytes| number(bytes, 24, 4, First::High))?;
    let counted = |at: usize| COUNTERS.iter().any(|counter| counter.contains(&at));
    let mut places = (0..).zip(pair.first.iter().zip(pair.second)).filter(|(_, (one, other))| one != other);
    let at = places.find(|(at, _)| !counted(*at)).map(|(at, _)| at);
    let counts = format!("changes are counted as {first}, then {second}");
    let Some(at) =
        at.or((pair.first.len() != pair.second.len()).then(|| pair.first.len().min(pair.second.len())))
    else {
        // Of a part, the rest may differ too.
        return pair.whole.then(|| Finding::new("sqlite-counter", counts));
    };
    // SPEC: 1 stands for 65536.
    let size = match number(pair.first, 16, 2, First::High)? {
        1 => 65_536,
        size => (size as usize).max(512),
    };
    let page = format!("page {} of the database", at / size + 1);
    let text =
        strings::around(pair.first.get(HEADER..)?, pair.second.get(HEADER..)?, HEADER as u64, Among::Bytes);
    Some(
        text.map(|found| found.within(&page))
            .unwrap_or_else(|| Finding::new("sqlite", format!("{page}; {counts}"))),
    )
}

#[cfg(test)]
mod tests {
    use super::super::forge;
    use super::*;

    #[test]
    fn counters_alone_are_told_from_rows_and_rows_are_looked_at() {
        let found = |first: &[u8], second: &[u8]| look(&Pair::new(b"x.db", first, second, true)).unwrap();
        let finding = found(&forge::sqlite(5, b"rows"), &forge::sqlite(6, b"rows"));
        assert_eq!(finding, Finding::new("sqlite-counter", "changes are counted as 5, then 6"));
        let finding = found(&forge::sqlite(5, b"rows"), &forge::sqlite(6, b"swor"));
        assert_eq!(
            finding,
            Finding::new("sqlite", "page 2 of the database; changes are counted as 5, then 6")
        );
        let finding =
            found(&forge::sqlite(5, b"at 2026-01-02 03:04:05"), &forge::sqlite(5, b"at 2026-01-02 03:04:06"));
        assert_eq!(finding.rule, "text-time");
        assert!(finding.detail.starts_with("page 2 of the database, at byte "), "{}", finding.detail);
    }
}
