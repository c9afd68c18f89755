//! Archives of ar: static libraries and packages of Debian.

use std::borrow::Cow;

use super::members::{Content, MEMBERS, Member, Members, compare};
use super::number::slice;
use super::pair::{Finding, Pair};
use crate::oci::Epoch;

const MAGIC: &[u8] = b"!<arch>\n";
const HEADER: usize = 60;

/// Says in what two archives differ.
pub fn look(pair: &Pair<'_>) -> Option<Finding> {
    if !pair.starts_with(MAGIC) {
        return None;
    }
    let (first, second) = (members(pair.first, pair.whole), members(pair.second, pair.whole));
    compare(pair, "ar-member", &first, &second)
}

/// Reads members up to the end, or to what is none. COMPAT: long names as GNU and BSD write them.
fn members(bytes: &[u8], whole: bool) -> Members<'_> {
    let mut list = Vec::new();
    let (mut at, mut names) = (MAGIC.len(), &b""[..]);
    // Each round goes forward by a header at least.
    while let Some(header) = slice(bytes, at, HEADER).filter(|header| header.ends_with(b"`\n")) {
        let field = |from: usize, to: usize| header[from..to].trim_ascii();
        let number = |from: usize, to: usize| std::str::from_utf8(field(from, to)).ok()?.parse::<u64>().ok();
        let Some(size) = number(48, 58).and_then(|size| usize::try_from(size).ok()) else { break };
        if list.len() == MEMBERS {
            break;
        }
        let start = at + HEADER;
        let end = start.saturating_add(size);
        let content = bytes.get(start..end.min(bytes.len())).unwrap_or_default();
        let (name, content) = name(field(0, 16), content, names);
        if name == b"//" {
            names = content;
        }
        let seconds = number(16, 28).and_then(|seconds| i64::try_from(seconds).ok());
        let text = |from: usize, to: usize| String::from_utf8_lossy(field(from, to)).into_owned();
        list.push(Member {
            name: Cow::Borrowed(name),
            time: Epoch(seconds.unwrap_or_default()).rfc3339(),
            owner: format!("{}:{}, mode {}", text(28, 34), text(34, 40), text(40, 48)),
            extended: b"",
            content: Content::Stored(content),
            whole: end <= bytes.len(),
        });
        // SPEC: members begin at even places.
        at = end.saturating_add(size % 2);
    }
    Members { list, complete: whole && at >= bytes.len() }
}

/// The name of a member, and its content without it.
fn name<'a>(field: &'a [u8], content: &'a [u8], names: &'a [u8]) -> (&'a [u8], &'a [u8]) {
    let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<usize>().ok();
    if let Some(split) =
        field.strip_prefix(b"#1/").and_then(number).and_then(|length| content.split_at_checked(length))
    {
        let (name, content) = split;
        return (name.split(|byte| *byte == 0).next().unwrap_or_default(), content);
    }
    if let Some(name) = field.strip_prefix(b"/").and_then(number).and_then(|at| names.get(at..)) {
        let end = name.iter().position(|byte| matches!(byte, b'/' | b'\n')).unwrap_or(name.len());
        return (&name[..end], content);
    }
    match field {
        b"/" | b"//" => (field, content),
        field => (field.strip_suffix(b"/").unwrap_or(field), content),
    }
}

#[cfg(test)]
mod tests {
    use super::super::forge;
    use super::*;

    fn found(first: &[u8], second: &[u8]) -> Option<Finding> {
        look(&Pair::new(b"usr/lib/libx.a", first, second, true))
    }

    #[test]
    fn the_member_and_both_times_are_named() {
        let finding = found(
            &forge::ar(&[("a.o/", 1_767_323_045, b"xyz"), ("b.o/", 0, b"")]),
            &forge::ar(&[("a.o/", 1_767_323_046, b"xyz"), ("b.o/", 0, b"")]),
        );
        let detail = "1 of 2 members, among them a.o: 2026-01-02T03:04:05Z, then 2026-01-02T03:04:06Z";
        assert_eq!(finding, Some(Finding::new("ar-member", detail)));
    }

    #[test]
    fn long_names_are_those_of_the_table_or_stand_before_the_content() {
        let archive = forge::ar(&[
            ("//", 0, b"a-long-name-of-a-member.o/\nx.o/\n"),
            ("/0", 0, b"1"),
            ("#1/8", 0, b"name\0\0\0\0rest"),
        ]);
        let members = members(&archive, true);
        let names: Vec<&[u8]> = members.list.iter().map(|member| member.name.as_ref()).collect();
        assert_eq!(names, [&b"//"[..], b"a-long-name-of-a-member.o", b"name"]);
        assert_eq!(members.list[2].content, Content::Stored(b"rest"));
        assert!(members.complete);
    }

    #[test]
    fn a_package_says_what_differs_in_the_archive_that_it_holds() {
        let package = |text: &str| {
            let data = forge::gzip(0, "", &forge::tar(&[("./usr/share/x", 1, text)]));
            forge::ar(&[("debian-binary", 0, b"2.0\n"), ("data.tar.gz", 0, &data)])
        };
        let finding = found(&package("at 03:04:05"), &package("at 03:04:06")).unwrap();
        let detail = "in data.tar.gz, inside, in ./usr/share/x, line 1 is `at 03:04:05`, then `at 03:04:06`";
        assert_eq!(finding, Finding::new("text-time", detail));
    }

    #[test]
    fn what_is_cut_or_no_header_ends_it() {
        let archive = forge::ar(&[("a.o/", 1, b"xyz"), ("b.o/", 1, b"")]);
        let cut = members(&archive[..100], true);
        assert_eq!((cut.list.len(), cut.complete), (1, false));
        assert!(members(b"!<arch>\n", true).list.is_empty());
    }
}
