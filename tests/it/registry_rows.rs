//! `testdata/registry-rows.md`: every row of trouble with registries has tests, of pulls and of pushes, and they are there.

use std::path::Path;

/// The rows that the tables of reliability and security ask for; the index may have more.
const ROWS: [&str; 27] = [
    "K6 429 with Retry-After",
    "K6 429 without",
    "K6 bursts of 500, 502, 503",
    "K6 408",
    "K6 reset at byte k",
    "K6 slow-loris",
    "K6 stall",
    "K6 truncated",
    "K6 corrupt byte",
    "K6 wrong digest",
    "K6 token expires in the middle",
    "K6 redirects in a circle",
    "K6 Range ignored",
    "K6 413",
    "K6 upload session lost",
    "K7 interrupted at each request",
    "C2 12 confused types",
    "C2 13 digests, sizes",
    "C2 14 token servers",
    "C2 14 foreign layers",
    "C2 14 credentials stay with their host",
    "C2 15 no silent HTTP",
    "C2 15 insecure is not inherited",
    "C2 15 redirect out of TLS",
    "C2 15 tag moves",
    "C2 16 ADD of URLs",
    "C2 16 no secrets in messages",
];

#[test]
fn every_trouble_with_registries_has_tests_of_pulls_and_of_pushes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("testdata/registry-rows.md")).expect("the index is there");
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect()))
        .skip(1)
        .collect();
    let mut wrong = Vec::new();
    for row in ROWS {
        if !rows.iter().any(|cells| cells[0] == row) {
            wrong.push(format!("{row}: no such row"));
        }
    }
    for cells in &rows {
        let [row, columns @ ..] = &cells[..] else { panic!("an empty row") };
        if columns.len() != 2 {
            wrong.push(format!("{row}: {} columns", columns.len()));
        }
        for column in columns {
            // A column without tests says in words why there is nothing to test.
            let names: Vec<&str> = column.split('`').skip(1).step_by(2).collect();
            if names.is_empty() && !column.starts_with("none: ") {
                wrong.push(format!("{row}: {column:?} names no test"));
            }
            for name in names {
                let is_there = name.split_once(':').is_some_and(|(file, function)| {
                    let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
                    text.split("#[test]\n").skip(1).any(|test| {
                        let head: Vec<&str> = test.lines().take(3).collect();
                        head.iter().any(|line| {
                            line.starts_with(&format!("fn {function}("))
                                || line.starts_with(&format!("    fn {function}("))
                        })
                    })
                });
                if !is_there {
                    wrong.push(format!("{row}: no test {name}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
