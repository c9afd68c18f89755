//! What every copy must hold to, on trees that nobody thought of.
//!
//! The model is a file system in memory that is written to path by path, as a copying program would. It knows nothing of
//! layers: what the layer makes of the destination must be what the program would have left.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::drawn::{copy, draw, path, stack};
use super::place::{Archives, place};
use super::placed::{Content, Placed};
use super::select::select;
use crate::oci::LAYER_EPOCH;
use crate::tree::{Entry, Kind, RootPath, Stack};

/// Everything but times and which of several names is the file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    kind: Kind,
    mode: u32,
    owner: (u32, u32),
}

type Model = BTreeMap<RootPath, Seen>;

fn seen(entry: &Entry) -> Seen {
    Seen { kind: entry.kind.clone(), mode: entry.mode, owner: (entry.uid, entry.gid) }
}

fn model_of(stack: &Stack) -> Model {
    stack.walk(&RootPath::root()).map(|node| (node.entry.path.clone(), seen(&node.entry))).collect()
}

/// Follows links one by one; what does not exist is kept.
fn resolve(model: &Model, start: &RootPath) -> Option<RootPath> {
    let mut done = RootPath::root();
    let mut ahead: Vec<Vec<u8>> = start.components().rev().map(<[u8]>::to_vec).collect();
    for _ in 0..200 {
        let Some(name) = ahead.pop() else { return Some(done) };
        if name == b".." {
            done = done.parent().unwrap_or_default();
            continue;
        }
        if name.is_empty() || name == b"." {
            continue;
        }
        let next = done.join(&name);
        match model.get(&next).map(|seen| &seen.kind) {
            Some(Kind::Symlink(target)) => {
                if target.starts_with(b"/") {
                    done = RootPath::root();
                }
                ahead.extend(target.split(|b| *b == b'/').rev().map(<[u8]>::to_vec));
            }
            Some(Kind::Directory) | None => done = next,
            Some(_) if ahead.is_empty() => done = next,
            Some(_) => return None,
        }
    }
    None
}

fn is_directory(model: &Model, path: &RootPath) -> bool {
    model.get(path).is_some_and(|seen| seen.kind == Kind::Directory)
}

fn make_directories(model: &mut Model, path: &RootPath) -> Option<()> {
    for path in path.ancestors().chain([path.clone()]) {
        let new = Seen { kind: Kind::Directory, mode: 0o755, owner: (0, 0) };
        let there = model.entry(path).or_insert(new);
        (there.kind == Kind::Directory).then_some(())?;
    }
    Some(())
}

fn put(model: &mut Model, path: RootPath, seen: Seen) -> Option<()> {
    let into_directory = seen.kind == Kind::Directory;
    if model.contains_key(&path) && is_directory(model, &path) != into_directory {
        return None;
    }
    model.insert(path, seen);
    Some(())
}

/// What a program that copies `sources` (paths without wildcards) leaves; nothing where it stops with an error.
fn program(source: &Model, sources: &[String], destination: &str, mut model: Model) -> Option<Model> {
    let clean = path(destination);
    for text in sources {
        let from = resolve(source, &path(text))?;
        let what = source.get(&from)?;
        let needed =
            if destination.ends_with('/') { clean.clone() } else { clean.parent().unwrap_or_default() };
        let needed = resolve(&model, &needed)?;
        make_directories(&mut model, &needed)?;
        let mut to = resolve(&model, &clean)?;
        if what.kind != Kind::Directory {
            if is_directory(&model, &to) {
                to = to.join(path(text).name());
            }
            make_directories(&mut model, &to.parent()?)?;
            put(&mut model, to, what.clone())?;
            continue;
        }
        make_directories(&mut model, &to)?;
        for (below, seen) in source.iter().filter(|(path, _)| **path != from) {
            if let Some(below) = below.strip_prefix(&from) {
                put(&mut model, to.join_path(&below), seen.clone())?;
            }
        }
    }
    Some(model)
}

fn holds_to_the_rules_of_layers(placed: &[Placed]) {
    let paths: Vec<&RootPath> = placed.iter().map(|placed| &placed.entry.path).collect();
    assert!(paths.windows(2).all(|pair| pair[0] < pair[1]), "sorted, each once: {:?}", draw(placed));
    let mut directories = BTreeSet::from([RootPath::root()]);
    let mut files = BTreeSet::new();
    for Placed { entry, content } in placed {
        assert!(!entry.path.is_root());
        assert!(
            directories.contains(&entry.path.parent().unwrap()),
            "the parent of {} is listed",
            entry.path
        );
        match &entry.kind {
            Kind::Directory => drop(directories.insert(entry.path.clone())),
            Kind::File { .. } => {
                files.insert(entry.path.clone());
            }
            Kind::Hardlink(target) => assert!(files.contains(target), "the file comes before its links"),
            _ => {}
        }
        assert_eq!(matches!(entry.kind, Kind::File { .. }), *content != Content::None);
        assert_eq!(entry.mtime.nanoseconds, 0);
    }
}

/// Lines of a tree of few names, so that trees meet.
fn tree() -> impl Strategy<Value = Vec<String>> {
    let name = prop::sample::select(vec!["a", "b", "c"]);
    let deep = prop::collection::vec(name, 1..4).prop_map(|names| names.join("/"));
    let what = prop::sample::select(vec![
        "/",
        "/ 700 3:4",
        "=1",
        "=2 600",
        "=3 755 5:6",
        "->a",
        "->../b",
        "->/c/a",
        "->.",
    ]);
    prop::collection::vec((deep, what), 0..10).prop_map(|lines| {
        let mut taken: BTreeMap<RootPath, (String, bool)> = BTreeMap::new();
        for (name, what) in lines {
            let place = path(&name);
            let blocked =
                place.ancestors().any(|above| taken.get(&above).is_some_and(|(_, directory)| !directory));
            let in_use = taken.keys().any(|other| other != &place && other.starts_with(&place));
            if !blocked && (!in_use || what.starts_with('/')) {
                taken.insert(place, (format!("{name}{what}"), what.starts_with('/')));
            }
        }
        taken.into_values().map(|(line, _)| line).collect()
    })
}

fn some_path() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "c", ".", ".."]);
    prop::collection::vec(name, 1..4).prop_map(|names| names.join("/"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn the_layer_makes_what_a_copying_program_would_leave(
        from in tree(),
        base in tree(),
        sources in prop::collection::vec(some_path(), 1..3),
        destination in some_path(),
        slash in any::<bool>(),
    ) {
        let lines = |lines: &[String]| stack(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        let (source, base) = (lines(&from), lines(&base));
        let destination = format!("/{destination}{}", if slash { "/" } else { "" });
        let texts: Vec<&str> = sources.iter().map(String::as_str).collect();
        let mut copy = copy(&texts, &destination);
        copy.epoch = Some(LAYER_EPOCH);
        let got = select(&copy, &source).and_then(|selection| {
            let placed = place(&copy, selection.clone(), &base, None, &Archives::new())?.entries;
            Ok((selection.digest(), placed))
        });
        let written_as_directory = destination.ends_with('/') || destination.ends_with("/.");
        let as_directory = if written_as_directory { format!("{}/", destination.trim_end_matches("/.")) } else { destination.clone() };
        let want = program(&model_of(&source), &sources, &as_directory, model_of(&base));
        match (got, want) {
            (Ok((digest, placed)), Some(want)) => {
                holds_to_the_rules_of_layers(&placed);
                let again = select(&copy, &source).unwrap();
                prop_assert_eq!(digest, again.digest());
                let entries: Vec<Entry> = placed.iter().map(|placed| placed.entry.clone()).collect();
                let after = base.push(entries.into());
                prop_assert_eq!(model_of(&after), want, "{:?}", draw(&placed));
            }
            (Err(_), None) => {}
            (Ok((_, placed)), None) => prop_assert!(false, "the program would have failed: {:?}", draw(&placed)),
            (Err(error), Some(_)) => prop_assert!(false, "the program would have gone on: {error}"),
        }
    }
}
