//! Holds `docs/cache-keys.md` to the code: every field of every op, and every part of a pre-image.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
}

/// Structs and enums whose fields the page lists.
const STRUCTS: [&str; 8] =
    ["Step", "Exec", "Script", "HostEntry", "Ulimit", "Mount", "Copy", "MakeDirectory"];
const ENUMS: [&str; 2] = ["MountKind", "CopySource"];

/// `Type.field` of each struct, `Variant.field` of each variant.
fn fields_in_code() -> BTreeSet<String> {
    let mut fields = BTreeSet::new();
    let mut found = BTreeSet::new();
    for file in ["step", "exec", "copy"] {
        let text = read(&format!("src/graph/{file}.rs"));
        let mut inside = None;
        let mut variant = None;
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("pub struct ").or(line.strip_prefix("pub enum ")) {
                let name = rest.split([' ', '(', ';']).next().expect("a name").to_string();
                inside = Some(name).filter(|n| STRUCTS.contains(&n.as_str()) || ENUMS.contains(&n.as_str()));
                found.extend(inside.clone());
            } else if line == "}" {
                inside = None;
            }
            let Some(name) = &inside else { continue };
            let field = || line.trim().trim_start_matches("pub ").split(':').next().expect("a name");
            if line.starts_with("    pub ") {
                fields.insert(format!("{name}.{}", field()));
            } else if line.starts_with("    ") && line.as_bytes()[4].is_ascii_uppercase() {
                let title = line.trim().split([' ', '(', ',']).next().expect("a name");
                variant = Some(title.to_string());
                if line.contains('(') {
                    fields.insert(format!("{title}.0"));
                }
            } else if line.starts_with("        ") && line.as_bytes()[8].is_ascii_lowercase() {
                fields.insert(format!("{}.{}", variant.as_deref().expect("a variant"), field()));
            }
        }
    }
    assert_eq!(found.len(), STRUCTS.len() + ENUMS.len(), "not found in src/graph: {found:?}");
    fields
}

/// The first words of every part that is pushed.
fn parts_in_code() -> BTreeSet<String> {
    let text = read("src/graph/key.rs");
    let code = text.split("#[cfg(test)]").next().expect("code before tests");
    code.split("pre.push(")
        .skip(1)
        .filter_map(|call| {
            let literal = call.strip_prefix("format!(").unwrap_or(call).strip_prefix('"')?;
            let name = literal.split('"').next().expect("a literal").split('{').next().expect("a name");
            Some(name.trim().to_string())
        })
        .collect()
}

/// Rows of the page: field, whether it is in the key, parts.
fn rows() -> Vec<(String, String, Vec<String>)> {
    let page = read("docs/cache-keys.md");
    let ticked = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_string).collect::<Vec<_>>();
    let rows = page.lines().filter(|line| line.starts_with("| `")).map(|line| {
        let cells: Vec<&str> = line.split(" | ").collect();
        assert_eq!(cells.len(), 4, "a row has four cells: {line}");
        assert!(cells[3].len() > 10, "a row says why: {line}");
        (ticked(cells[0]).concat(), cells[1].to_string(), ticked(cells[2]))
    });
    rows.collect()
}

#[test]
fn the_page_lists_every_field_and_no_other() {
    let listed: Vec<String> = rows().into_iter().map(|(field, _, _)| field).collect();
    let once: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(once.len(), listed.len(), "a field is listed twice");
    let code = fields_in_code();
    assert!(code.len() > 40, "the scan found only {} fields: it is broken", code.len());
    let missing: Vec<_> = code.difference(&once).collect();
    let surplus: Vec<_> = once.difference(&code).collect();
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "not on the page: {missing:?}; not in the code: {surplus:?}"
    );
}

#[test]
fn the_page_names_every_part_and_no_other() {
    let mut named: BTreeSet<String> = rows().into_iter().flat_map(|(_, _, parts)| parts).collect();
    named.insert("layer format".to_string());
    assert!(read("docs/cache-keys.md").contains("`layer format`"), "the page explains `layer format`");
    let code = parts_in_code();
    assert!(code.len() > 20, "the scan found only {} parts: it is broken", code.len());
    let missing: Vec<_> = code.difference(&named).collect();
    let surplus: Vec<_> = named.difference(&code).collect();
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "not on the page: {missing:?}; not in the code: {surplus:?}"
    );
}

#[test]
fn a_field_that_is_out_has_no_part_and_one_that_is_in_has() {
    for (field, state, parts) in rows() {
        match state.as_str() {
            "no" => assert!(parts.is_empty(), "{field} is out and has the parts {parts:?}"),
            "yes" | "by content" | "in part" => assert!(!parts.is_empty(), "{field} is in and has no part"),
            other => panic!("{field}: {other:?} is not yes, no, in part or by content"),
        }
    }
}

/// A field that the code takes apart as `field: _` is one that the page says is out or counts by content.
#[test]
fn what_the_code_drops_the_page_says_is_out() {
    let text = read("src/graph/key.rs");
    let code = text.split("#[cfg(test)]").next().expect("code before tests");
    let dropped: BTreeSet<&str> = code
        .match_indices(": _")
        .map(|(at, _)| code[..at].rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().expect("a name"))
        .collect();
    let rows = rows();
    let out: BTreeSet<&str> = rows
        .iter()
        .filter(|(_, state, _)| state == "no" || state == "by content")
        .filter_map(|(field, _, _)| field.split('.').nth(1))
        .collect();
    assert_eq!(dropped, out);
}
