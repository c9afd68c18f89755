//! What is known to make two runs of one step differ: the classes, the rules, and which rule comes before which.
//!
//! The rules are data, in tables: those that know a file by its path, and those that know it by its bytes. A rule's
//! id is stable: reports and settings name it.

mod bytes;
mod packages;
mod paths;

use std::fmt;

use crate::tree::{RootPath, glob};

/// What kind of thing makes two runs differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// The time at which something was done.
    Timestamp,
    /// The place where it was done: a path, a user, a machine, its processors.
    Path,
    /// Chance: a key, an id, a name that nobody else has.
    Random,
    /// The same things in another order.
    Ordering,
    /// A record of what was done, which nothing needs later.
    Log,
    /// What a program keeps to be faster next time.
    Cache,
    /// Other versions of what was fetched or used.
    Versions,
    /// The place of the difference is known, its cause is not.
    Unknown,
}

impl Class {
    /// The class as one word, for reports that programs read.
    pub fn word(self) -> &'static str {
        match self {
            Class::Timestamp => "timestamp",
            Class::Path => "path",
            Class::Random => "random",
            Class::Ordering => "ordering",
            Class::Log => "log",
            Class::Cache => "cache",
            Class::Versions => "versions",
            Class::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// When the path of a file is enough for a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Always: no bytes would say more.
    Certain,
    /// As [`When::Certain`], and what the file holds is nobody's to see.
    Secret,
    /// If the bytes say nothing.
    Likely,
    /// If only one of the runs left the file.
    Single,
    /// Never: the bytes say it.
    Bytes,
}

/// One cause that is known, and what to do about it.
#[derive(Debug)]
pub struct Rule {
    /// Its stable name.
    pub id: &'static str,
    /// What kind of cause it is.
    pub class: Class,
    /// When one of `paths` is enough.
    pub when: When,
    /// Patterns of paths: `*` and `?` stay within a component, `**` is any number of components, at the end one at least.
    pub paths: &'static [&'static str],
    /// What differs and why, as a clause that values may follow.
    pub what: &'static str,
    /// What to do in the Dockerfile.
    pub fix: &'static str,
}

/// All rules. ORDER: of two rules whose paths match, the earlier is meant; so the narrow ones stand first.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    packages::RULES.iter().chain(paths::RULES).chain(bytes::RULES)
}

/// The rule of this name.
pub fn named(id: &str) -> Option<&'static Rule> {
    all().find(|rule| rule.id == id)
}

/// The first rule of one of these kinds that knows the path.
pub fn by_path(path: &RootPath, kinds: &[When]) -> Option<&'static Rule> {
    let components: Vec<&[u8]> = path.components().collect();
    let knows = |rule: &Rule| rule.paths.iter().any(|pattern| matches(pattern, &components));
    all().find(|rule| kinds.contains(&rule.when) && knows(rule))
}

fn matches(pattern: &str, path: &[&[u8]]) -> bool {
    let (first, after) = pattern.split_once('/').map_or((pattern, None), |(first, rest)| (first, Some(rest)));
    match (first, after) {
        ("**", None) => !path.is_empty(),
        ("**", Some(after)) => (0..path.len()).any(|from| matches(after, &path[from..])),
        (first, after) => path.split_first().is_some_and(|(name, below)| {
            matches_name(first, name) && after.map_or(below.is_empty(), |after| matches(after, below))
        }),
    }
}

fn matches_name(pattern: &str, name: &[u8]) -> bool {
    match glob::has_meta(pattern) {
        true => glob::match_component(pattern.as_bytes(), name) == Ok(true),
        false => pattern.as_bytes() == name,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn path(text: &str) -> RootPath {
        RootPath::clean(text).unwrap()
    }

    #[test]
    fn a_pattern_is_for_the_whole_path() {
        let matches =
            |pattern: &str, text: &str| matches(pattern, &path(text).components().collect::<Vec<_>>());
        for (pattern, text, want) in [
            ("etc/shadow", "etc/shadow", true),
            ("etc/shadow", "a/etc/shadow", false),
            ("etc/shadow", "etc/shadow/a", false),
            ("etc/*", "etc/a", true),
            ("etc/*", "etc/a/b", false),
            ("etc/**", "etc/a/b", true),
            ("etc/**", "etc", false),
            ("**/.git/**", ".git/HEAD", true),
            ("**/.git/**", "a/b/.git/logs/HEAD", true),
            ("**/.git/**", "a/b.git/HEAD", false),
            ("**/*.log", "x.log", true),
            ("**/*.log", "a/b/x.log", true),
            ("a/**/z", "a/z", true),
            ("a/**/z", "a/b/c/z", true),
            ("a/**/z", "a/b/c", false),
        ] {
            assert_eq!(matches(pattern, text), want, "{pattern} {text}");
        }
    }

    #[test]
    fn ids_are_words_and_no_two_are_the_same() {
        let ids: BTreeSet<&str> = all().map(|rule| rule.id).collect();
        assert_eq!(ids.len(), all().count());
        for id in ids {
            assert!(id.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{id}");
        }
    }

    #[test]
    fn every_pattern_leads_to_its_own_rule() {
        for rule in all() {
            assert_eq!(rule.paths.is_empty(), rule.when == When::Bytes, "{}", rule.id);
            let kinds = match rule.when {
                When::Certain | When::Secret => &[When::Certain, When::Secret][..],
                ref other => std::slice::from_ref(other),
            };
            for pattern in rule.paths {
                glob::match_component(pattern.as_bytes(), b"").expect("a pattern");
                let sample = path(&pattern.replace("**", "x").replace('*', "x"));
                let found = by_path(&sample, kinds).expect("a pattern matches itself");
                assert_eq!(found.id, rule.id, "{pattern}");
            }
        }
    }

    #[test]
    fn what_differs_is_a_clause_and_what_to_do_are_sentences() {
        for rule in all() {
            assert!(!rule.what.ends_with('.') && rule.what.len() > 20, "{}", rule.id);
            assert!(rule.fix.ends_with('.') && rule.fix.starts_with(char::is_uppercase), "{}", rule.id);
        }
    }

    #[test]
    fn a_path_of_thousands_of_components_is_looked_at_once() {
        let deep = path(&"a/".repeat(20_000));
        assert!(by_path(&deep, &[When::Certain, When::Secret, When::Likely, When::Single]).is_none());
    }

    #[test]
    fn no_remedy_asks_for_what_a_run_may_not_do_or_does_not_reach_the_place() {
        let fix = |text: &str| {
            let kinds = &[When::Certain, When::Secret, When::Likely, When::Single];
            by_path(&path(text), kinds).expect("a rule").fix
        };
        // The sandbox refuses another personality.
        assert!(all().all(|rule| !rule.fix.contains("setarch") || rule.fix.contains("refuse")));
        assert!(fix("tmp/x").contains("target=/tmp.") && fix("var/tmp/x").contains("target=/var/tmp."));
        for place in ["run/x.pid", "var/run/x", "dev/shm/x"] {
            assert!(!fix(place).contains("--mount"), "{place}");
        }
        for kept in ["var/lib/apt/extended_states", "var/cache/debconf/config.dat"] {
            assert!(!fix(kept).contains("rm -rf") && !fix(kept).contains("--mount"), "{kept}");
        }
        // Zip has no times before 1980, and the layer epoch is a second later than that, in UTC.
        assert!(named("archive-time").expect("a rule").fix.contains("TZ=UTC"));
    }
}
