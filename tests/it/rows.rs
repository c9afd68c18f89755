//! `testdata/rows.md`: every row of the language has cases, every case has a row.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Row, syntax, meaning; without the head.
fn rows() -> Vec<(String, Vec<String>, Vec<String>)> {
    let text = std::fs::read_to_string(root().join("testdata/rows.md")).expect("the index is there");
    let cells = |line: &str| -> Option<(String, Vec<String>, Vec<String>)> {
        let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ");
        let row = cells.next()?.to_string();
        let names =
            |cell: &str| cell.split_whitespace().map(|name| name.trim_matches('`').to_string()).collect();
        Some((row, names(cells.next()?), names(cells.next()?)))
    };
    text.lines().filter_map(cells).skip(1).collect()
}

fn cases(folder: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(root().join("testdata").join(folder)).expect("testdata is there");
    entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect()
}

/// `file:function` among the tests: what is wrong with it.
fn missing_test(name: &str) -> Option<String> {
    let (file, function) = name.split_once(':')?;
    let places = [root().join("tests/it").join(file), root().join("src").join(file)];
    let Some(text) = places.iter().find_map(|place: &PathBuf| std::fs::read_to_string(Path::new(place)).ok())
    else {
        return Some(format!("no file {file}"));
    };
    let there = match function {
        "" => text.contains("#[test]"),
        function => text.contains(&format!("fn {function}(")),
    };
    (!there).then(|| format!("no test {name}"))
}

#[test]
fn every_row_is_shown_and_every_case_has_a_row() {
    let rows = rows();
    assert!(rows.len() > 100, "only {} rows were read: the index is broken", rows.len());
    let mut wrong = Vec::new();
    for (column, folder) in ["dockerfile", "plan"].into_iter().enumerate() {
        let cases = cases(folder);
        let mut seen = BTreeSet::new();
        for (row, syntax, meaning) in &rows {
            let names = if column == 0 { syntax } else { meaning };
            if names.is_empty() {
                wrong.push(format!("{row}: nothing in {folder} shows it"));
            }
            for name in names {
                match name.contains(':') {
                    true => wrong.extend(missing_test(name).map(|problem| format!("{row}: {problem}"))),
                    false if cases.contains(name) => drop(seen.insert(name.clone())),
                    false => wrong.push(format!("{row}: no case {folder}/{name}")),
                }
            }
        }
        wrong.extend(cases.difference(&seen).map(|case| format!("{folder}/{case} has no row")));
    }
    let names: BTreeSet<&String> = rows.iter().map(|(row, ..)| row).collect();
    if names.len() != rows.len() {
        wrong.push("a row is there twice".to_string());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
