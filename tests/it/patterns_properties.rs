//! The pattern set against a slow, obvious matcher; and a walk that prunes against one that does not.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rbuild::tree::{Matched, Patterns, RootPath};

use super::slow_patterns::left_out;

const PIECES: &[&str] =
    &["a", "b", "ab", "é", ".", "*", "?", "[ab]", "[^a]", "[a-c]", "\\*", "\\(", "(", "+", "x$"];

fn component() -> impl Strategy<Value = String> {
    let pieces = prop::collection::vec(prop::sample::select(PIECES), 1..4).prop_map(|pieces| pieces.concat());
    // Clean patterns have no component that is a dot or two.
    let pieces = pieces.prop_filter("a dot is no name", |text| text != "." && text != "..");
    prop_oneof![4 => pieces, 1 => Just("**".to_string()), 1 => Just("**a".to_string()), 1 => Just("a**".to_string())]
}

fn pattern() -> impl Strategy<Value = String> {
    (any::<bool>(), prop::collection::vec(component(), 1..4)).prop_map(|(exception, components)| {
        format!("{}{}", if exception { "!" } else { "" }, components.join("/"))
    })
}

fn path() -> impl Strategy<Value = String> {
    let name = prop::sample::select(&["a", "b", "ab", "ba", "c", "é", "*", "a.b", "(", "x$", "aa"][..]);
    prop::collection::vec(name, 1..5).prop_map(|names| names.join("/"))
}

/// What a walk says that goes down from the top; with `prune` it does not enter what is pruned.
fn walked(patterns: &Patterns, path: &str, prune: bool) -> bool {
    let mut parent: Option<Matched> = None;
    for (at, _) in path.match_indices('/') {
        let above = RootPath::clean(&path[..at]).expect("a path");
        let matched = patterns.step(&above, parent.as_ref());
        if prune && patterns.prunes(&above, &matched) {
            return true;
        }
        parent = Some(matched);
    }
    patterns.step(&RootPath::clean(path).expect("a path"), parent.as_ref()).is_excluded()
}

/// The same cases each time; `PROPTEST_RNG_SEED` and `PROPTEST_CASES` ask for others.
fn config() -> ProptestConfig {
    let rng_seed = RngSeed::Fixed(1);
    ProptestConfig { cases: 1000, rng_seed, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_pattern_set_agrees_with_a_slow_matcher(
        list in prop::collection::vec(pattern(), 1..5),
        paths in prop::collection::vec(path(), 1..6),
    ) {
        let Ok(patterns) = Patterns::new(&list) else { return Ok(()) };
        for path in paths {
            let slow = left_out(&list, &path);
            prop_assert_eq!(patterns.matches(&RootPath::clean(&path).expect("a path")), slow, "{:?} {}", list, path);
            let walk = walked(&patterns, &path, false);
            prop_assert_eq!(walked(&patterns, &path, true), walk, "{:?} {} is pruned", list, path);
            // COMPAT: as in moby an exception that matches a directory which is not left out says nothing of what is in it.
            if !list.iter().any(|pattern| pattern.starts_with('!')) {
                prop_assert_eq!(walk, slow, "{:?} {} from the top", list, path);
            }
        }
    }
}
