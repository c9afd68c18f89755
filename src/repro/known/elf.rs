//! ELF programs and libraries: which sections differ, and what that says.

use std::collections::BTreeMap;

use super::number::{First, first_difference, place, slice};
use super::pair::{Finding, Pair};
use super::pieces::Among;
use super::strings;

const MAGIC: &[u8] = b"\x7fELF";
const BUILD_ID: &str = ".note.gnu.build-id";
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

/// A section that differs: the first run's and the second's, if they have it.
#[derive(Clone, Copy)]
struct Differing<'a> {
    name: &'a [u8],
    first: Option<Section<'a>>,
    second: Option<Section<'a>>,
}

impl<'a> Differing<'a> {
    /// What both have; none if only one has it.
    fn both(&self) -> Option<(Section<'a>, Section<'a>)> {
        self.first.zip(self.second)
    }

    /// What it says by itself, rather than because another differs.
    fn is_cause(&self) -> bool {
        !is_beside(self.name) || self.both().is_none()
    }
}

/// Whether both are programs or libraries.
pub fn is_one(pair: &Pair<'_>) -> bool {
    pair.starts_with(MAGIC)
}

/// What was found in text, as it is called in a program.
pub fn in_program(found: Finding) -> Finding {
    let rule = match found.rule {
        "text-time" => "elf-time",
        "text-path" | "text-temporary-path" => "elf-path",
        rule => rule,
    };
    Finding { rule, ..found }
}

/// Says which sections differ, and what in them.
pub fn look(pair: &Pair<'_>) -> Option<Finding> {
    if !is_one(pair) {
        return None;
    }
    let Some((first, second)) = pair.both(sections) else {
        // The table stands at the end, which a part does not have.
        return strings::anywhere(pair.first, pair.second, 0, Among::Program).map(in_program);
    };
    let budget = COMPARED * (pair.first.len() + pair.second.len());
    let mut differing = differing(&first, &second, budget);
    // Of a part, a section may be behind the end of one alone.
    differing.retain(|section| pair.whole || section.both().is_some());
    // Text is what compilers were told; all else that differs may be because of it.
    let text = differing.iter().take(LOOKED_AT).find_map(|section| {
        let (first, second) = section.both()?;
        let text = strings::anywhere(first.content, second.content, first.offset as u64, Among::Program)?;
        Some(in_program(text).within(&format!("in {}", shown(section.name))))
    });
    text.or_else(|| place_of(&differing)).or_else(|| beside(&differing))
}

/// Says which section differs first, of those that do not differ because of others.
fn place_of(differing: &[Differing<'_>]) -> Option<Finding> {
    let section = differing.first().filter(|section| section.is_cause())?;
    let name = shown(section.name);
    let place = match (section.first, section.second) {
        (Some(first), Some(second)) => {
            let at = first_difference(first.content, second.content).unwrap_or_default();
            format!("first at byte {at} of {name}")
        }
        (Some(_), None) => format!("{name} is only in the first"),
        (None, _) => format!("{name} is only in the second"),
    };
    let causes = differing.iter().filter(|section| section.is_cause()).count();
    let differ =
        if causes == 1 { "1 section differs".to_string() } else { format!("{causes} sections differ") };
    let detail = match differing.len() - causes {
        0 => format!("{place}; {differ}"),
        others => format!("{place}; {differ}, and {others} beside it"),
    };
    Some(Finding::new("elf-section", detail))
}

/// Says what differs where only that does which says how the program was made.
fn beside(differing: &[Differing<'_>]) -> Option<Finding> {
    let has = |named: fn(&[u8]) -> bool| differing.iter().find(|section| named(section.name));
    let both = |name: &str| differing.iter().find(|section| section.name == name.as_bytes())?.both();
    if let Some(section) = has(is_debug) {
        return Some(Finding::new("elf-path", format!("in {}", shown(section.name))));
    }
    if let Some((first, second)) = both(".comment") {
        let detail = format!("`{}`, then `{}`", text_of(first.content), text_of(second.content));
        return Some(Finding::new("elf-compiler", detail));
    }
    if let Some(section) = has(is_go) {
        return Some(Finding::new("go-build-id", format!("in {}", shown(section.name))));
    }
    // A link to what debuggers read has a checksum, and differs with the build id.
    differing.first()?;
    Some(Finding::new("elf-build-id", both(BUILD_ID).and_then(ids).unwrap_or_default()))
}

/// What stands beside the program: it differs because of how the program was made or what else differs, not because the
/// program does.
fn is_beside(name: &[u8]) -> bool {
    is_debug(name)
        || is_go(name)
        || name == BUILD_ID.as_bytes()
        || matches!(name, b".gnu_debuglink" | b".gnu_debugaltlink" | b".comment" | b".shstrtab")
}

fn is_debug(name: &[u8]) -> bool {
    name.starts_with(b".debug_") || name.starts_with(b".zdebug_")
}

fn is_go(name: &[u8]) -> bool {
    matches!(name, b".note.go.buildid" | b".go.buildinfo")
}

/// The two build ids. SPEC: a note is the lengths of name and content, a kind, the name, which is GNU, and the content.
fn ids((first, second): (Section<'_>, Section<'_>)) -> Option<String> {
    let id = |note: &[u8]| {
        Some(note.get(16..)?.iter().take(20).map(|byte| format!("{byte:02x}")).collect::<String>())
    };
    Some(format!("{}, then {}", id(first.content)?, id(second.content)?))
}

/// The sections that differ. ORDER: those that only one has, since others move because of them; then those that differ by
/// themselves; else as in the files, the first's before the second's.
fn differing<'a>(first: &[Section<'a>], second: &[Section<'a>], mut budget: usize) -> Vec<Differing<'a>> {
    let (one, mut other) = (by_name(first), by_name(second).into_iter().collect::<BTreeMap<_, _>>());
    let (mut found, mut compared_all) = (Vec::new(), true);
    for (key, section) in one {
        let second = other.remove(&key);
        if let Some(second) = second {
            let left = budget.checked_sub(section.content.len());
            compared_all = left.is_some();
            let Some(left) = left else { break };
            budget = left;
            if section.content == second.content {
                continue;
            }
        }
        found.push(Differing { name: key.0, first: Some(section), second });
    }
    if compared_all {
        let left = by_name(second).into_iter().filter(|(key, _)| other.contains_key(key));
        found.extend(left.map(|(key, section)| Differing {
            name: key.0,
            first: None,
            second: Some(section),
        }));
    }
    found.sort_by_key(|section| (section.both().is_some(), !section.is_cause()));
    found
}

/// Sections with their names; of several with one name, the first is with the other's first.
fn by_name<'a>(sections: &[Section<'a>]) -> Vec<((&'a [u8], usize), Section<'a>)> {
    let mut counts: BTreeMap<&[u8], usize> = BTreeMap::new();
    let named = sections.iter().filter(|section| !section.name.is_empty());
    let number = |section: &Section<'a>| {
        let count = counts.entry(section.name).or_default();
        *count += 1;
        ((section.name, *count), *section)
    };
    named.map(number).collect()
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
            &[(".note.gnu.build-id", &first), (".text", b"\x01\x02"), (".debug_info", b"\x01")],
            &[(".note.gnu.build-id", &second), (".text", b"\x01\x03"), (".debug_info", b"\x02")],
        );
        let detail = "first at byte 1 of .text; 1 section differs, and 2 beside it";
        assert_eq!(finding, Finding::new("elf-section", detail));
        let code = |byte: &'static [u8]| [(".text", byte), (".data", byte)];
        let finding = one(&code(b"\x01"), &code(b"\x02"));
        assert_eq!(finding.detail, "first at byte 0 of .text; 2 sections differ");
    }

    #[test]
    fn a_section_that_only_one_has_is_told() {
        let (first, second) = (note(1), note(2));
        let id = |note| (".note.gnu.build-id", note);
        let code: (&str, &[u8]) = (".text", b"\x01\x02");
        let more = [id(&second[..]), code, (".debug_info", b"\x01")];
        let finding = one(&[id(&first), code], &more);
        let detail = ".debug_info is only in the second; 1 section differs, and 1 beside it";
        assert_eq!(finding, Finding::new("elf-section", detail));
        let finding =
            one(&[code, (".shstrtab", b"1")], &[(".text", b"\x01"), (".shstrtab", b"2"), (".y", b"")]);
        assert_eq!(finding.detail, ".y is only in the second; 2 sections differ, and 1 beside it");
        let finding = one(&[code, (".x", b"1"), (".x", b"2")], &[code, (".x", b"1")]);
        assert_eq!(finding.detail, ".x is only in the first; 1 section differs");
        assert_eq!(found(&[code, (".x", b"1"), (".x", b"2")], &[code, (".x", b"1"), (".x", b"2")]), []);
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
    fn seconds_that_compilers_were_told_are_a_time() {
        let data = |time: &'static [u8]| [(".text", &b"\x01"[..]), (".rodata", time)];
        let finding = one(&data(b"\0\x01\0built \x001767323045\0"), &data(b"\0\x02\0built \x001767323046\0"));
        assert_eq!(finding.rule, "elf-time");
        assert_eq!(one(&data(b"\x001767323045\0"), &data(b"\x001467323045\0")).rule, "elf-section");
    }

    #[test]
    fn without_the_table_text_is_looked_for_in_what_is_there() {
        let (first, second) = (note(1), note(2));
        let program = |note: &[u8], time: &str| {
            let text = format!("\0built {time}\0{}", " ".repeat(64));
            forge::elf(true, First::Low, &[(".note.gnu.build-id", note), (".rodata", text.as_bytes())])
        };
        let (first, second) = (program(&first, "03:04:05"), program(&second, "03:04:06"));
        let cut = first.len() - 200;
        let finding = look(&Pair::new(b"x", &first[..cut], &second[..cut], false)).unwrap();
        assert_eq!(finding.rule, "elf-time");
        assert!(finding.detail.starts_with("at byte "), "{}", finding.detail);
    }

    #[test]
    fn of_a_part_no_section_is_said_to_be_missing() {
        let program = |more: &[(&str, &[u8])]| {
            let code: (&str, &[u8]) = (".text", b"\x01");
            forge::elf(true, First::Low, &[&[code], more].concat())
        };
        let (first, second) = (program(&[]), program(&[(".x", b"")]));
        assert!(look(&Pair::new(b"x", &first, &second, true)).is_some());
        assert_eq!(look(&Pair::new(b"x", &first, &second, false)), None);
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
        let many = vec![section; 1_000_000];
        let changed = vec![Section { content: &big[1..], ..section }; 1_000_000];
        assert_eq!(differing(&many, &many, 4 << 16).len(), 0);
        assert_eq!(differing(&many, &changed, 4 << 16).len(), 4);
    }

    #[test]
    fn what_only_begins_like_a_program_says_nothing() {
        assert_eq!(look(&Pair::new(b"x", b"\x7fELF\x02\x01", b"\x7fELF\x02\x02", true)), None);
        assert_eq!(look(&Pair::new(b"x", b"\x7fELF", b"text", true)), None);
    }
}
