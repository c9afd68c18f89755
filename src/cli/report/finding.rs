//! The paths at which two layers differ, as a person reads them: what has one cause stands together.

use std::fmt::Write as _;

use crate::cli::display::escape;
use crate::repro::{ContentDifference, Field, Finding, What, Which};
use crate::tree::{Entry, Kind};

/// LIMIT: paths that are shown of one cause; JSON has all.
const SHOWN: usize = 10;

/// Every cause with its paths and its remedy, in the order of the first path of each; then what has no known cause.
pub(super) fn findings_text(findings: &[Finding]) -> String {
    let mut groups: Vec<(Option<&str>, Vec<&Finding>)> = Vec::new();
    for finding in findings {
        let rule = finding.cause.as_ref().map(|cause| cause.rule);
        match groups.iter_mut().find(|(known, _)| *known == rule) {
            Some((_, group)) => group.push(finding),
            None => groups.push((rule, vec![finding])),
        }
    }
    groups.sort_by_key(|(rule, _)| rule.is_none());
    let mut text = String::new();
    for (_, group) in groups {
        let cause = group[0].cause.as_ref();
        let title = cause.map_or("cause not known".to_string(), |c| format!("{} ({})", c.class, c.rule));
        writeln!(text, "  {title}, {}:", count(group.len(), "path")).expect("memory");
        for finding in group.iter().take(SHOWN) {
            text.push_str(&finding_text(finding));
        }
        if let Some(more) = group.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            writeln!(text, "    … and {more} more: --json has all").expect("memory");
        }
        if let Some(cause) = cause {
            writeln!(text, "    fix: {}", cause.fix).expect("memory");
        }
    }
    text
}

/// `1 path`, `2 paths`.
pub(super) fn count(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// `1 path is`, `2 paths are`.
pub(super) fn are(paths: usize) -> String {
    format!("{} {}", count(paths, "path"), if paths == 1 { "is" } else { "are" })
}

fn finding_text(finding: &Finding) -> String {
    let path = line(&finding.difference.path.to_string());
    let beside = how(finding, finding.cause.is_some());
    let mut text = match (&finding.cause, beside.as_str()) {
        (None, how) => format!("    {path}: {}\n", line(how)),
        (Some(cause), "") => format!("    {path}: {}\n", line(&cause.what)),
        (Some(cause), also) => format!("    {path}: {}; {}\n", line(&cause.what), line(also)),
    };
    if let (None, Some(content)) = (&finding.cause, &finding.content) {
        text.push_str(&dump(content));
    }
    text
}

/// Foreign text on one line of a terminal.
fn line(text: &str) -> String {
    escape(text).replace('\n', "\\n")
}

/// In what two entries differ; `beside` the content, and beside being there at all, where that is told in other words.
pub(super) fn how(finding: &Finding, beside: bool) -> String {
    let (first, second, fields) = match &finding.difference.what {
        What::Only(_, alone) if beside => return below(alone.below),
        What::Only(which, alone) => {
            let place = if *which == Which::First { "first" } else { "second" };
            let below = below(alone.below);
            let with = if below.is_empty() { below } else { format!(", {below}") };
            return format!("a {}, only in the {place}{with}", kind(&alone.entry));
        }
        What::Changed { first, second, fields } => (first, second, fields),
    };
    let both = |one: String, two: String| format!("{one} and {two}");
    let parts = fields.iter().filter(|field| !beside || **field != Field::Content).map(|field| match field {
        Field::Kind => format!("a {} and a {}", kind(first), kind(second)),
        Field::Content => content(finding.content.as_ref()),
        Field::Target => format!("leads to {}", both(target(first), target(second))),
        Field::Device => format!("device {}", both(device(first), device(second))),
        Field::Mode => {
            format!("mode {}", both(format!("{:04o}", first.mode), format!("{:04o}", second.mode)))
        }
        Field::Owner => {
            let owner = |entry: &Entry| format!("{}:{}", entry.uid, entry.gid);
            format!("owner {}", both(owner(first), owner(second)))
        }
        Field::Time => {
            let time = |entry: &Entry| format!("{}.{:09}", entry.mtime.seconds, entry.mtime.nanoseconds);
            format!("time {}", both(time(first), time(second)))
        }
        Field::Attributes => {
            let names = |one: &Entry, two: &Entry| -> Vec<String> {
                let differing =
                    one.xattrs.iter().filter(|(name, value)| two.xattrs.get(*name) != Some(value));
                differing.map(|(name, _)| String::from_utf8_lossy(name).into_owned()).collect()
            };
            let mut names = [names(first, second), names(second, first)].concat();
            names.sort();
            names.dedup();
            format!("extended attributes {}", names.join(", "))
        }
    });
    parts.collect::<Vec<_>>().join("; ")
}

/// That a directory is not alone.
fn below(paths: usize) -> String {
    match paths {
        0 => String::new(),
        paths => format!("with {} below it", count(paths, "path")),
    }
}

fn content(content: Option<&ContentDifference>) -> String {
    let Some(ContentDifference { offset, bytes, sizes, .. }) = content else {
        return "other bytes".to_string();
    };
    let sizes = match sizes.0 == sizes.1 {
        true => sizes.0.to_string(),
        false => format!("{} and {}", sizes.0, sizes.1),
    };
    match bytes {
        0 => format!("the same {offset} bytes at the beginning, of {sizes}"),
        1 => format!("1 byte differs of {sizes}, at byte {offset}"),
        _ => format!("{bytes} bytes differ of {sizes}, from byte {offset} on"),
    }
}

fn kind(entry: &Entry) -> &'static str {
    match entry.kind {
        Kind::File { .. } => "file",
        Kind::Directory | Kind::OpaqueDirectory => "directory",
        Kind::Symlink(_) => "symbolic link",
        Kind::Hardlink(_) => "hard link",
        Kind::CharDevice { .. } | Kind::BlockDevice { .. } => "device",
        Kind::Fifo => "pipe",
        Kind::Whiteout => "removal",
    }
}

fn device(entry: &Entry) -> String {
    match entry.kind {
        Kind::CharDevice { major, minor } | Kind::BlockDevice { major, minor } => format!("{major}:{minor}"),
        _ => String::new(),
    }
}

fn target(entry: &Entry) -> String {
    match &entry.kind {
        Kind::Symlink(target) => String::from_utf8_lossy(target).into_owned(),
        Kind::Hardlink(path) => path.to_string(),
        _ => String::new(),
    }
}

/// The bytes of both around the place where they part, as `hexdump -C` shows them.
fn dump(content: &ContentDifference) -> String {
    let mut text = String::new();
    for (name, bytes) in [("first ", &content.around.0), ("second", &content.around.1)] {
        for (at, line) in bytes.chunks(16).take(2).enumerate() {
            let hex: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
            let shown =
                line.iter().map(|b| if b.is_ascii_graphic() || *b == b' ' { *b as char } else { '.' });
            let (hex, shown) = (hex.join(" "), shown.collect::<String>());
            let offset = content.start + 16 * at as u64;
            writeln!(text, "      {name} {offset:08x}  {hex:<47}  |{shown}|").expect("memory");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::oci::Digest;
    use crate::repro::{Alone, Cause, Class, Difference};
    use crate::tree::{RootPath, Time};

    fn entry(path: &str, kind: Kind) -> Entry {
        Entry { kind, ..Entry::directory(RootPath::clean(path).expect("a path"), Time::default()) }
    }

    fn finding(what: What, content: Option<ContentDifference>) -> Finding {
        let path = RootPath::clean("/a\x1b[2J").expect("a path");
        Finding { difference: Difference { path, what }, content, cause: None }
    }

    #[test]
    fn every_field_is_told_with_both_values_and_nothing_drives_the_terminal() {
        let file = |text: &str| Kind::File { size: 4, digest: Digest::of(text.as_bytes()) };
        let first = Entry { mode: 0o644, ..entry("/a", file("x")) };
        let second = Entry { mode: 0o600, uid: 7, mtime: Time::from_seconds(5), ..entry("/a", file("y")) };
        let fields = BTreeSet::from([Field::Content, Field::Mode, Field::Owner, Field::Time]);
        let around = (b"abcd".to_vec(), b"ab\x1b\xff".to_vec());
        let content = ContentDifference { offset: 2, bytes: 2, sizes: (4, 4), start: 0, around };
        let text = findings_text(&[finding(What::Changed { first, second, fields }, Some(content))]);
        let want = "  cause not known, 1 path:\n    /a^[[2J: 2 bytes differ of 4, from byte 2 on; mode 0644 and 0600; \
                    owner 0:0 and 7:0; time 0.000000000 and 5.000000000\n      \
                    first  00000000  61 62 63 64                                      |abcd|\n      \
                    second 00000000  61 62 1b ff                                      |ab..|\n";
        assert_eq!(text, want);
    }

    #[test]
    fn what_only_one_has_is_named_by_its_kind() {
        let only = |kind, below| {
            how(&finding(What::Only(Which::Second, Alone { entry: entry("/a", kind), below }), None), false)
        };
        assert_eq!(only(Kind::Symlink(b"x".to_vec()), 0), "a symbolic link, only in the second");
        assert_eq!(only(Kind::Directory, 2), "a directory, only in the second, with 2 paths below it");
    }

    #[test]
    fn what_differs_beside_a_known_cause_is_told_too() {
        let file = |text: &str| Kind::File { size: 1, digest: Digest::of(text.as_bytes()) };
        let (first, second) = (entry("/a", file("x")), Entry { mode: 0o600, ..entry("/a", file("y")) });
        let fields = BTreeSet::from([Field::Content, Field::Mode]);
        let cause = Cause { class: Class::Log, rule: "x", what: "so it is".into(), fix: "Do." };
        let finding =
            Finding { cause: Some(cause), ..finding(What::Changed { first, second, fields }, None) };
        assert_eq!(finding_text(&finding), "    /a^[[2J: so it is; mode 0755 and 0600\n");
    }
}
