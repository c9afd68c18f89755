//! Names that may have been meant.

use crate::tree::{Last, RootPath, Stack};

/// LIMIT: more are no help.
const MOST: usize = 3;

/// Paths of `source` that differ from the missing `path` by a slip in one component.
pub fn near_names(source: &Stack, path: &RootPath) -> Vec<String> {
    let mut there = RootPath::root();
    for name in path.components() {
        let next = there.join(name);
        let exists =
            |path: &RootPath| source.resolve(path, Last::Follow).is_ok_and(|p| source.get(&p).is_some());
        if exists(&next) {
            there = next;
            continue;
        }
        let rest = path.strip_prefix(&next).unwrap_or_default();
        let Ok(directory) = source.resolve(&there, Last::Follow) else { return Vec::new() };
        let mut names: Vec<(usize, RootPath)> = source
            .children(&directory)
            .iter()
            .filter_map(|node| {
                let slips = distance(name, node.entry.path.name());
                // LIMIT: one slip in three letters, by taste.
                (slips <= name.len().div_ceil(3))
                    .then(|| (slips, there.join(node.entry.path.name()).join_path(&rest)))
            })
            .filter(|(_, path)| exists(path))
            .collect();
        names.sort();
        return names.into_iter().take(MOST).map(|(_, path)| path.to_string()).collect();
    }
    Vec::new()
}

/// How many letters must be typed, removed or replaced to make one of the other, whatever their case.
fn distance(one: &[u8], other: &[u8]) -> usize {
    // LIMIT: longer names are no slips of the hand, and this is quadratic.
    if one.len().max(other.len()) > 64 || one.len().abs_diff(other.len()) > 8 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let same = usize::from(!a.eq_ignore_ascii_case(b));
            let next = (corner + same).min(row[j] + 1).min(row[j + 1] + 1);
            corner = row[j + 1];
            row[j + 1] = next;
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_counted_and_case_is_free() {
        for (one, other, want) in [
            ("main.go", "Main.go", 0),
            ("pakage", "package", 1),
            ("ab", "ba", 2),
            ("", "abc", 3),
            ("same", "same", 0),
        ] {
            assert_eq!(distance(one.as_bytes(), other.as_bytes()), want, "{one} {other}");
        }
    }
}
