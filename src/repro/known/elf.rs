//! ELF programs and libraries: which sections differ, and what that says.

use std::collections::BTreeMap;

use super::number::{First, first_difference, place, slice};
use super::pair::{Finding, Pair};
use super::strings;

const MAGIC: &[u8] = b"\x7fELF";
const BUILD_ID: &[u8] = b".note.gnu.build-id";
/// LIMIT: ours. Sections may lie over one another: so often the size of the files is compared.
const COMPARED: usize = 4;
/// LIMIT: ours. So many sections that differ are looked at for text.
const LOOKED_AT: usize = 64;

/// A part of the file with a name.
#[derive(Clone, Copy)]
struct Section<'a> {
    name: &'a [u8],
    content: &'a [u8],
    offset: usize,
}

/// A section that differs: the first run's, and what the second has under its name.
type Differing<'a> = (Section<'a>, &'a [u8]);

/// Says which sections differ, and what in them.
pub fn look(pair: &Pair<'_>) -> Option<Finding> {
    if !pair.starts_with(MAGIC) {
        return None;
    }
    let (first, second) = pair.both(sections)?;
    let budget = COMPARED * (pair.first.len() + pair.second.len());
    let differing = differing(&first, &second, budget);
    let (section, other) = *differing.first()?;
    // Text is what compilers were told; all else that differs may be because of it.
    let text = differing.iter().take(LOOKED_AT).find_map(|(section, other)| {
        let found = strings::around(section.content, other, section.offset as u64)?;
        Some((section.name, found))
    });
    if let Some((name, found)) = text {
        let rule = match found.rule {
            "text-time" => "elf-time",
            "text-path" | "text-temporary-path" => "elf-path",
            rule => rule,
        };
        return Some(Finding { rule, ..found }.within(&format!("in {}", shown(name))));
    }
    let has = |named: fn(&[u8]) -> bool| differing.iter().find(|(section, _)| named(section.name));
    let rest = differing.iter().any(|(section, _)| !is_beside(section.name));
    let finding = if rest {
        let at = first_difference(section.content, other).unwrap_or_default();
        let count = differing.len();
        Finding::new(
            "elf-section",
            format!("first at byte {at} of {}; {count} sections differ", shown(section.name)),
        )
    } else if let Some((section, _)) = has(is_debug) {
        Finding::new("elf-path", format!("in {}", shown(section.name)))
    } else if let Some((section, other)) = has(|name| name == b".comment") {
        Finding::new("elf-compiler", format!("`{}`, then `{}`", text_of(section.content), text_of(other)))
    } else if let Some((section, _)) = has(is_go) {
        Finding::new("go-build-id", format!("in {}", shown(section.name)))
    } else {
        Finding::new("elf-build-id", differing.iter().find_map(ids).unwrap_or_default())
    };
    Some(finding)
}

/// What stands beside the program: it differs because of how the program was made, not because the program does.
fn is_beside(name: &[u8]) -> bool {
    is_debug(name)
        || is_go(name)
        || matches!(name, BUILD_ID | b".gnu_debuglink" | b".comment" | b".gnu_debugaltlink")
}

fn is_debug(name: &[u8]) -> bool {
    name.starts_with(b".debug_") || name.starts_with(b".zdebug_")
}

fn is_go(name: &[u8]) -> bool {
    matches!(name, b".note.go.buildid" | b".go.buildinfo")
}

/// The two build ids. SPEC: a note is the lengths of name and content, a kind, the name, which is GNU, and the content.
fn ids((section, other): &Differing<'_>) -> Option<String> {
    let id = |note: &[u8]| {
        Some(note.get(16..)?.iter().take(20).map(|byte| format!("{byte:02x}")).collect::<String>())
    };
    match section.name {
        BUILD_ID => Some(format!("{}, then {}", id(section.content)?, id(other)?)),
        _ => None,
    }
}

/// The sections of the first that the second has too, with other content.
fn differing<'a>(first: &[Section<'a>], second: &[Section<'a>], mut budget: usize) -> Vec<Differing<'a>> {
    let others: BTreeMap<&[u8], &[u8]> =
        second.iter().map(|section| (section.name, section.content)).collect();
    let mut found = Vec::new();
    for section in first.iter().filter(|section| !section.name.is_empty()) {
        let Some(other) = others.get(section.name) else { continue };
        let Some(left) = budget.checked_sub(section.content.len()) else { break };
        budget = left;
        if section.content != *other {
            found.push((*section, *other));
        }
    }
    found
}

/// Reads the table of sections. SPEC: ELF, gABI 4.
fn sections(bytes: &[u8]) -> Option<Vec<Section<'_>>> {
    let wide = match bytes.get(4)? {
        1 => false,
        2 => true,
        _ => return None,
    };
    let first = match bytes.get(5)? {
        1 => First::Low,
        2 => First::High,
        _ => return None,
    };
    let width = if wide { 8 } else { 4 };
    let either = |wider: usize, narrow: usize| if wide { wider } else { narrow };
    let table = place(bytes, either(0x28, 0x20), width, first)?;
    let half = |at: usize| place(bytes, at, 2, first);
    let (size, count, names) =
        (half(either(0x3a, 0x2e))?, half(either(0x3c, 0x30))?, half(either(0x3e, 0x32))?);
    let header = |number: usize| {
        let header = slice(bytes, table.checked_add(number.checked_mul(size)?)?, size)?;
        let name = place(header, 0, 4, first)?;
        // SPEC: SHT_NOBITS takes no room in the file.
        let takes_room = place(header, 4, 4, first)? != 8;
        let offset = place(header, either(0x18, 0x10), width, first)?;
        let length = place(header, either(0x20, 0x14), width, first)?;
        let content = if takes_room { slice(bytes, offset, length)? } else { &[] };
        Some((name, Section { name: b"", content, offset }))
    };
    let (_, names) = header(names)?;
    let found = (0..count).filter_map(header).map(|(name, section)| {
        let name = names.content.get(name..).and_then(|rest| rest.split(|byte| *byte == 0).next());
        Section { name: name.unwrap_or_default(), ..section }
    });
    Some(found.collect())
}

fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name.get(..64).unwrap_or(name)).into_owned()
}

/// The texts of a section that holds several, each ended by a zero.
fn text_of(content: &[u8]) -> String {
    let text = String::from_utf8_lossy(content.get(..120).unwrap_or(content)).into_owned();
    text.split('\0').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::forge;
    use super::*;

    fn found(first: &[(&str, &[u8])], second: &[(&str, &[u8])]) -> Vec<Finding> {
        let forms = [(true, First::Low), (true, First::High), (false, First::Low), (false, First::High)];
        let look = |(wide, order)| {
            let (first, second) = (forge::elf(wide, order, first), forge::elf(wide, order, second));
            look(&Pair::new(b"usr/bin/x", &first, &second, true))
        };
        forms.into_iter().filter_map(look).collect()
    }

    fn one(first: &[(&str, &[u8])], second: &[(&str, &[u8])]) -> Finding {
        let all = found(first, second);
        assert_eq!(all.len(), 4, "{all:?}");
        let without_place = |finding: &Finding| {
            let detail = &finding.detail;
            (finding.rule, detail.split("at byte").next().map(str::to_string))
        };
        assert!(all.iter().all(|finding| without_place(finding) == without_place(&all[0])), "{all:?}");
        all[0].clone()
    }

    fn note(id: u8) -> Vec<u8> {
        [&[4, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0][..], b"GNU\0", &[id, 2, 3, 4]].concat()
    }

    #[test]
    fn a_build_id_alone_is_known_with_both_ids() {
        let (first, second) = (note(1), note(0xab));
        let code: (&str, &[u8]) = (".text", b"\x01\x02");
        let id = |note| (".note.gnu.build-id", note);
        let finding = one(&[code, id(&first[..])], &[code, id(&second[..])]);
        assert_eq!(finding, Finding::new("elf-build-id", "01020304, then ab020304"));
    }

    #[test]
    fn code_that_differs_is_only_a_place_and_what_stands_beside_is_not_named_for_it() {
        let (first, second) = (note(1), note(2));
        let finding = one(
            &[(".text", b"\x01\x02"), (".note.gnu.build-id", &first), (".debug_info", b"\x01")],
            &[(".text", b"\x01\x03"), (".note.gnu.build-id", &second), (".debug_info", b"\x02")],
        );
        assert_eq!(finding, Finding::new("elf-section", "first at byte 1 of .text; 3 sections differ"));
    }

    #[test]
    fn texts_say_more_than_what_follows_from_them() {
        let (first, second) = (note(1), note(2));
        let finding = one(
            &[(".note.gnu.build-id", &first), (".text", b"\x01"), (".rodata", b"\0built 03:04:05\0")],
            &[(".note.gnu.build-id", &second), (".text", b"\x02"), (".rodata", b"\0built 03:04:06\0")],
        );
        assert_eq!(finding.rule, "elf-time");
        assert!(finding.detail.starts_with("in .rodata, at byte "), "{}", finding.detail);
        let path = |path: &'static [u8]| [(".debug_str", path)];
        assert_eq!(
            one(&path(b"\0/tmp/tmp.AbCdEf/x.c\0"), &path(b"\0/tmp/tmp.GhIjKl/x.c\0")).rule,
            "elf-path"
        );
    }

    #[test]
    fn what_debuggers_read_compilers_and_go_are_known() {
        let differ = |name: &'static str, first: &'static [u8], second: &'static [u8]| {
            one(&[(".text", b"\x01"), (name, first)], &[(".text", b"\x01"), (name, second)])
        };
        assert_eq!(differ(".debug_line", b"\x01", b"\x02"), Finding::new("elf-path", "in .debug_line"));
        let finding = differ(".comment", b"GCC: (Debian) 12.2\0", b"GCC: (Debian) 13.1\0");
        assert_eq!(finding, Finding::new("elf-compiler", "`GCC: (Debian) 12.2`, then `GCC: (Debian) 13.1`"));
        assert_eq!(differ(".note.go.buildid", b"\x01", b"\x02").rule, "go-build-id");
    }

    #[test]
    fn sections_that_lie_over_one_another_are_not_compared_for_ever() {
        let big = vec![7; 1 << 16];
        let section = Section { name: b"x", content: &big, offset: 0 };
        assert_eq!(differing(&vec![section; 1_000_000], &[section], 4 << 16).len(), 0);
    }

    #[test]
    fn what_only_begins_like_a_program_says_nothing() {
        assert_eq!(look(&Pair::new(b"x", b"\x7fELF\x02\x01", b"\x7fELF\x02\x02", true)), None);
        assert_eq!(look(&Pair::new(b"x", b"\x7fELF", b"text", true)), None);
    }
}
