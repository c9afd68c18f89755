//! The tags under which exporters leave what they found, each its own, so that none overwrites another's.
//!
//! A registry has no way to change a tag only if nobody else has: of two that read a tag, add to it and write it, one loses.
//! So each exporter first writes a set of its own under a tag that nobody else writes, and then merges all sets into the
//! one document under the cache's own tag. Who reads, reads that document and the sets that it does not name as merged.

use std::collections::BTreeSet;

use super::document::Document;
use super::error::Error;
use crate::oci::Digest;

/// LIMIT: sets of one generation; with it, readers look at a few hundred tags at most, however old the cache is.
pub(super) const A_GENERATION: usize = 256;
/// How many generations are looked at: an exporter that takes longer than so many times [`A_GENERATION`] others is lost.
const LOOK_BACK: u32 = 2;
/// LIMIT: of a tag, by the distribution specification.
const LONGEST_TAG: usize = 128;

/// Where all sets of a cache's tag begin.
pub(super) fn prefix(tag: &str) -> String {
    format!("{tag}.rbuild-")
}

/// The tag of a set.
pub(super) fn set_tag(tag: &str, generation: u32, records: &[u8]) -> Result<String, Error> {
    let set = format!("{}{generation:08}-{}", prefix(tag), &Digest::of(records).hex()[..16]);
    if set.len() > LONGEST_TAG {
        return Err(Error::NoCache(format!("the tag {tag} is too long for a cache: take a shorter one")));
    }
    Ok(set)
}

/// The generation of a set; none if the tag is no set's.
fn generation(tag: &str, set: &str) -> Option<u32> {
    let (generation, digest) = set.strip_prefix(&prefix(tag))?.split_once('-')?;
    let is_set = generation.len() == 8 && digest.len() == 16 && digest.bytes().all(|b| b.is_ascii_hexdigit());
    generation.parse().ok().filter(|_| is_set)
}

/// The last tag that need not be looked at.
pub(super) fn before(tag: &str, main: &Document) -> String {
    format!("{}{:08}", prefix(tag), main.generation.saturating_sub(LOOK_BACK))
}

/// The sets among `tags` that `main` does not have yet.
pub(super) fn unmerged(tag: &str, main: &Document, tags: &[String]) -> Vec<String> {
    let oldest = main.generation.saturating_sub(LOOK_BACK);
    let is_new = |set: &&String| {
        generation(tag, set).is_some_and(|generation| generation >= oldest) && !main.merged.contains(*set)
    };
    tags.iter().filter(is_new).cloned().collect()
}

/// Generation and merged sets of the document that `main` and `sets` are merged into.
pub(super) fn next(
    tag: &str,
    main: &Document,
    sets: impl Iterator<Item = String>,
) -> (u32, BTreeSet<String>) {
    let mut merged = main.merged.clone();
    merged.extend(sets);
    let newest = merged.iter().filter_map(|set| generation(tag, set)).max().unwrap_or_default();
    let mut now = main.generation.max(newest);
    if merged.iter().filter(|set| generation(tag, set) == Some(now)).count() >= A_GENERATION {
        now += 1;
    }
    let oldest = now.saturating_sub(LOOK_BACK);
    merged.retain(|set| generation(tag, set).is_some_and(|generation| generation >= oldest));
    (now, merged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_told_from_other_tags_and_old_ones_are_left_alone() {
        let set = |generation: u32| set_tag("main", generation, &generation.to_le_bytes()).unwrap();
        let tags: Vec<String> =
            ["main".to_string(), "main.rbuild-x".to_string()].into_iter().chain((0..9).map(set)).collect();
        let main = Document { generation: 6, merged: BTreeSet::from([set(5)]), ..Document::default() };
        assert_eq!(unmerged("main", &main, &tags), [set(4), set(6), set(7), set(8)]);
        assert!(before("main", &main) < set(4) && before("main", &main) > set(3));
        assert_eq!(unmerged("other", &main, &tags), Vec::<String>::new());
        assert!(set_tag(&"x".repeat(100), 0, b"").is_err());
    }

    #[test]
    fn a_full_generation_is_followed_by_the_next() {
        let set = |n: usize| set_tag("main", 0, &n.to_le_bytes()).unwrap();
        let main = Document::default();
        assert_eq!(next("main", &main, (0..A_GENERATION - 1).map(set)).0, 0);
        let (generation, merged) = next("main", &main, (0..A_GENERATION).map(set));
        assert_eq!((generation, merged.len()), (1, A_GENERATION));
        let old = Document { generation: 3, merged, ..Document::default() };
        assert_eq!(next("main", &old, std::iter::empty()), (3, BTreeSet::new()));
    }
}
