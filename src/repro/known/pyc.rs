//! Compiled Python files: the version, the time of the source, and what was compiled.

use super::number::{First, number};
use super::pair::{Finding, Pair};
use super::strings;
use crate::oci::Epoch;

/// What stands before the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    /// The time and the size of the source.
    Time { time: u64, size: Option<u64> },
    /// A checksum of the source.
    Hash(u64),
}

struct Compiled<'a> {
    version: u64,
    check: Check,
    code: &'a [u8],
}

/// Says which part of the header differs, or that the code does.
pub fn look(pair: &Pair<'_>) -> Option<Finding> {
    if !pair.name.ends_with(b".pyc") && !pair.name.ends_with(b".pyo") {
        return None;
    }
    let (first, second) = pair.both(read)?;
    if first.version != second.version {
        return Some(Finding::new(
            "pyc-version",
            format!("its number is {}, then {}", first.version, second.version),
        ));
    }
    match (first.check, second.check) {
        (Check::Time { size, .. }, Check::Time { size: other, .. }) if size != other => {
            // The source itself differs: what it is made of says why.
        }
        (Check::Time { time, .. }, Check::Time { time: other, .. }) if time != other => {
            let shown = |time: u64| Epoch(time as i64).rfc3339();
            return Some(Finding::new("pyc", format!("{}, then {}", shown(time), shown(other))));
        }
        (Check::Time { .. }, Check::Hash(_)) | (Check::Hash(_), Check::Time { .. }) => {
            return Some(Finding::new("pyc", "one is checked by time, the other by hash"));
        }
        _ => {}
    }
    let same_source = first.check == second.check;
    strings::look(pair)
        .or(same_source.then(|| Finding::new("pyc-content", first_difference(&first, &second))))
}

fn first_difference(first: &Compiled<'_>, second: &Compiled<'_>) -> String {
    let flags = first.code.len() == second.code.len()
        && first.code.iter().zip(second.code).all(|(one, other)| (one ^ other) & 0x7f == 0);
    if flags { "only marks of shared objects differ" } else { "the header is the same" }.to_string()
}

/// SPEC: PEP 552, and what was before it, by the magic number.
fn read(bytes: &[u8]) -> Option<Compiled<'_>> {
    let field = |at| number(bytes, at, 4, First::Low);
    let version = number(bytes, 0, 2, First::Low)?;
    if bytes.get(2..4)? != b"\r\n" {
        return None;
    }
    let (check, start) = match version {
        3390..=9999 if field(4)? & 1 == 1 => (Check::Hash(number(bytes, 8, 8, First::Low)?), 16),
        3390..=9999 => (Check::Time { time: field(8)?, size: Some(field(12)?) }, 16),
        3190..=3389 => (Check::Time { time: field(4)?, size: Some(field(8)?) }, 12),
        _ => (Check::Time { time: field(4)?, size: None }, 8),
    };
    Some(Compiled { version, check, code: bytes.get(start..)? })
}

#[cfg(test)]
mod tests {
    use super::super::forge;
    use super::*;

    fn found(first: &[u8], second: &[u8]) -> Option<Finding> {
        look(&Pair::new(b"a/__pycache__/m.cpython-311.pyc", first, second, true))
    }

    #[test]
    fn the_times_are_named() {
        let finding =
            found(&forge::pyc(0, 1_767_323_045, b"code"), &forge::pyc(0, 1_767_323_046, b"code")).unwrap();
        assert_eq!(finding, Finding::new("pyc", "2026-01-02T03:04:05Z, then 2026-01-02T03:04:06Z"));
    }

    #[test]
    fn versions_and_kinds_of_check_and_code_are_told_apart() {
        let mut other = forge::pyc(0, 1, b"code");
        other[0] += 1;
        assert_eq!(found(&forge::pyc(0, 1, b"code"), &other).unwrap().rule, "pyc-version");
        let finding = found(&forge::pyc(0, 1, b"code"), &forge::pyc(3, 1, b"code")).unwrap();
        assert_eq!(finding.detail, "one is checked by time, the other by hash");
        let finding = found(&forge::pyc(3, 1, b"\x63ode"), &forge::pyc(3, 1, b"\xe3ode")).unwrap();
        assert_eq!(finding, Finding::new("pyc-content", "only marks of shared objects differ"));
        assert_eq!(found(&forge::pyc(3, 1, b"set"), &forge::pyc(3, 1, b"tes")).unwrap().rule, "pyc-content");
    }

    #[test]
    fn another_source_is_not_the_compilers_doing() {
        assert_eq!(found(&forge::pyc(3, 1, b"one"), &forge::pyc(3, 2, b"two")), None);
        assert_eq!(found(b"text\r\n", b"tex"), None);
        assert_eq!(look(&Pair::new(b"a.txt", &forge::pyc(0, 1, b""), &forge::pyc(0, 2, b""), true)), None);
    }

    #[test]
    fn a_path_by_chance_in_the_code_is_said_first() {
        let code = |path: &str| [&b"\xe3\0\0"[..], path.as_bytes(), b"\0\0"].concat();
        let (first, second) = (code("/tmp/build-ab12cd/m.py"), code("/tmp/build-zz12cd/m.py"));
        assert_eq!(
            found(&forge::pyc(3, 1, &first), &forge::pyc(3, 1, &second)).unwrap().rule,
            "text-temporary-path"
        );
    }
}
