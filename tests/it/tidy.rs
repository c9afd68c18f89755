//! The rules of the house, as a test: who may import whom, what pure rooms must not name, how long a file may be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room, and the rooms that it may import. `docs/architecture.md` shows the same table with its reasons.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("oci", &[]),
    ("tree", &["oci"]),
    ("progress", &["oci"]),
    ("dockerfile", &[]),
    ("layer", &["oci", "tree"]),
    ("graph", &["oci", "tree"]),
    ("plan", &["oci", "tree", "dockerfile", "graph"]),
    ("image", &["oci", "layer"]),
    ("sys", &[]),
    ("http", &[]),
    ("store", &["oci", "tree", "layer", "sys"]),
    ("registry", &["oci", "http"]),
    ("source", &["oci", "tree", "layer", "sys", "http"]),
    ("snapshot", &["oci", "tree", "layer", "sys"]),
    ("sandbox", &["tree", "sys"]),
    (
        "worker",
        &[
            "oci", "tree", "progress", "layer", "graph", "image", "sys", "http", "store", "registry",
            "source", "snapshot", "sandbox",
        ],
    ),
    ("cache", &["oci", "tree", "layer", "graph", "store", "registry"]),
    ("export", &["oci", "tree", "progress", "layer", "image", "sys", "store", "registry", "snapshot"]),
    ("transport", &["oci", "progress", "layer", "image", "store", "registry", "export"]),
    (
        "build",
        &[
            "oci",
            "tree",
            "progress",
            "dockerfile",
            "layer",
            "graph",
            "plan",
            "image",
            "http",
            "store",
            "registry",
            "source",
            "snapshot",
            "sandbox",
            "worker",
            "cache",
            "export",
            "transport",
        ],
    ),
    ("repro", &["oci", "tree", "layer", "store", "build"]),
    (
        "cli",
        &[
            "oci",
            "tree",
            "progress",
            "dockerfile",
            "layer",
            "graph",
            "plan",
            "image",
            "http",
            "store",
            "registry",
            "source",
            "snapshot",
            "sandbox",
            "worker",
            "cache",
            "export",
            "transport",
            "build",
            "repro",
        ],
    ),
];

/// Rooms that do no I/O, read no clock and no environment.
const PURE: &[&str] = &["oci", "tree", "progress", "dockerfile", "layer", "graph", "plan", "image"];

/// What a pure room must not name.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "std::thread",
    "SystemTime",
    "Instant",
    "rustix",
    "libc",
    "fs_err",
];

/// Files that are data alone, so that their length says nothing.
const DATA: &[&str] = &[];

const LONGEST: usize = 500;

const NO_NAMES: &[&str] = &["utils", "util", "helpers", "common", "misc", "types", "manager"];

struct Source {
    path: PathBuf,
    room: Option<String>,
    text: String,
}

impl Source {
    /// The code before the file's own tests, without comment lines.
    fn code(&self) -> String {
        let code = self.text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut todo = vec![root.join("src")];
    while let Some(directory) = todo.pop() {
        for entry in fs::read_dir(directory).expect("src can be read") {
            let path = entry.expect("src can be read").path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).expect("sources are text");
                let path = path.strip_prefix(root).expect("below the root").to_path_buf();
                let parts: Vec<_> =
                    path.components().map(|c| c.as_os_str().to_string_lossy().into_owned()).collect();
                let room = (parts.len() > 2).then(|| parts[1].clone());
                found.push(Source { path, room, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 20, "the scan found only {} files: it is broken", found.len());
    found
}

fn complain(rule: &str, complaints: String) {
    assert!(complaints.is_empty(), "{rule}:\n{complaints}");
}

/// Words after `crate::` in the code: the rooms that it names.
fn rooms_named(code: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for part in code.split("crate::").skip(1) {
        match part.strip_prefix('{') {
            // `use crate::{a::X, b::Y}`: the first word after each top-level comma.
            Some(group) => {
                let mut depth = 0;
                let mut word = String::new();
                for c in group.chars() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => word.clear(),
                        ':' if depth == 0 && !word.is_empty() => {
                            rooms.insert(word.trim().to_string());
                        }
                        c => word.push(c),
                    }
                }
            }
            None => {
                let end = part.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(part.len());
                rooms.insert(part[..end].to_string());
            }
        }
    }
    rooms.retain(|room| MAY_IMPORT.iter().any(|(name, _)| name == room));
    rooms
}

#[test]
fn a_room_imports_only_what_its_row_allows() {
    let mut complaints = String::new();
    for source in sources() {
        let Some(room) = &source.room else { continue };
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| name == room) else {
            writeln!(complaints, "{}: room {room} has no row", source.name()).expect("memory");
            continue;
        };
        for named in rooms_named(&source.code()) {
            if named != *room && !allowed.contains(&named.as_str()) {
                writeln!(complaints, "{}: {room} must not import {named}", source.name()).expect("memory");
            }
        }
    }
    complain("imports that the table of rooms does not allow", complaints);
}

#[test]
fn files_of_one_room_do_not_import_each_other_in_a_circle() {
    // file stem -> stems that it names through `super::`; folders inside a room count as one file.
    let mut rooms: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for source in sources() {
        let Some(room) = source.room.clone() else { continue };
        let below = source.path.strip_prefix(Path::new("src").join(&room)).expect("in its room");
        let first = below.components().next().expect("a file").as_os_str().to_string_lossy().into_owned();
        let stem = first.trim_end_matches(".rs").to_string();
        if stem == "mod" {
            continue;
        }
        let up = "super::".repeat(below.components().count());
        let code = source.code();
        let named = code.split(up.as_str()).skip(1).filter_map(|rest| {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_')?;
            // `super::file::Name`, or the file as a module: `super::file;`.
            (end > 0 && rest[end..].starts_with([':', ';'])).then(|| rest[..end].to_string())
        });
        let edges = rooms.entry(room).or_default().entry(stem.clone()).or_default();
        edges.extend(named.filter(|other| *other != stem && other != "super"));
    }
    let mut complaints = String::new();
    for (room, files) in &rooms {
        for start in files.keys() {
            let mut seen = BTreeSet::new();
            let mut todo: Vec<&String> = files[start].iter().collect();
            while let Some(file) = todo.pop() {
                if file == start {
                    writeln!(complaints, "src/{room}/{start}.rs imports itself through others: {seen:?}")
                        .expect("memory");
                    break;
                }
                if seen.insert(file.clone()) {
                    todo.extend(files.get(file).into_iter().flatten());
                }
            }
        }
    }
    complain("circles inside a room", complaints);
}

#[test]
fn pure_rooms_name_nothing_of_the_world() {
    let mut complaints = String::new();
    for source in sources().iter().filter(|s| s.room.as_ref().is_some_and(|r| PURE.contains(&r.as_str()))) {
        let code = source.code();
        for word in IMPURE.iter().filter(|word| names(&code, word)) {
            writeln!(complaints, "{}: {word}", source.name()).expect("memory");
        }
        if names(&code, "rayon") && source.room.as_deref() != Some("layer") {
            writeln!(complaints, "{}: rayon is for layer alone", source.name()).expect("memory");
        }
    }
    complain("pure rooms that touch the world", complaints);
}

/// Whether `word` stands in `code` as a whole word.
fn names(code: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        !code[..at].chars().next_back().is_some_and(is_word)
            && !code[at + word.len()..].chars().next().is_some_and(is_word)
    })
}

#[test]
fn unsafe_code_stands_in_sys_alone() {
    let mut complaints = String::new();
    for source in sources() {
        let code = source.code();
        let is_sys = source.room.as_deref() == Some("sys");
        if !is_sys && (names(&code, "unsafe") || code.contains("allow(unsafe_code")) {
            writeln!(complaints, "{}: unsafe", source.name()).expect("memory");
        }
        if is_sys {
            let lines: Vec<&str> = source.text.lines().collect();
            for (number, line) in lines.iter().enumerate() {
                let opens = line.contains("unsafe {") || line.trim_start().starts_with("unsafe impl");
                let before = &lines[number.saturating_sub(8)..=number];
                if opens && !before.iter().any(|l| l.contains("SAFETY:")) {
                    writeln!(complaints, "{}:{}: unsafe without SAFETY:", source.name(), number + 1)
                        .expect("memory");
                }
            }
        }
    }
    complain("unsafe code", complaints);
}

#[test]
fn files_are_short_have_a_first_sentence_and_a_name() {
    let mut complaints = String::new();
    for source in sources() {
        let lines = source.text.lines().count();
        if lines > LONGEST && !DATA.contains(&source.name().as_str()) {
            writeln!(complaints, "{}: {lines} lines, more than {LONGEST}", source.name()).expect("memory");
        }
        if !source.text.starts_with("//! ") {
            writeln!(complaints, "{}: no first //! sentence", source.name()).expect("memory");
        }
        let stem = source.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if NO_NAMES.contains(&stem.as_str()) {
            writeln!(complaints, "{}: that is no name", source.name()).expect("memory");
        }
        let is_door = stem == "mod";
        if is_door && source.code().lines().any(|l| l.trim_start().starts_with("fn ") || l.contains(" fn ")) {
            writeln!(complaints, "{}: a door with logic in it", source.name()).expect("memory");
        }
    }
    complain("files that are not as they should be", complaints);
}

#[test]
fn the_architecture_page_shows_the_same_table() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md");
    let page = fs::read_to_string(page).expect("docs/architecture.md");
    for (room, allowed) in MAY_IMPORT {
        let row = page
            .lines()
            .find(|line| line.starts_with('|') && line.contains(&format!("| `{room}` |")))
            .unwrap_or_else(|| panic!("docs/architecture.md has no row for {room}"));
        let cell = row.trim_end_matches('|').rsplit('|').next().unwrap_or_default();
        let shown: BTreeSet<&str> =
            cell.split(',').map(str::trim).filter(|w| !w.is_empty() && *w != "–").collect();
        let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
        assert_eq!(shown, allowed, "row of {room} in docs/architecture.md");
    }
}
