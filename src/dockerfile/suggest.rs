//! The nearest known word to one that is not known.

/// The option fewer than three edits away from `value`, the first of the nearest; none where `value` is one of them.
pub fn near<'a>(value: &str, options: impl IntoIterator<Item = &'a str>) -> Option<String> {
    // LIMIT: no option is longer than 40 characters, so a longer value has no neighbour.
    if value.chars().count() > 64 {
        return None;
    }
    let mut best = None;
    let mut least = 3;
    for option in options {
        if option == value {
            return None;
        }
        let distance = distance(value, option);
        if distance < least {
            least = distance;
            best = Some(option.to_owned());
        }
    }
    best
}

/// As [`near`] without regard to case; the answer is in the case of `value` where that is all one case.
pub(super) fn near_any_case<'a>(value: &str, options: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let found = near(&value.to_uppercase(), options)?;
    Some(if value == value.to_lowercase() { found.to_lowercase() } else { found })
}

/// Levenshtein's distance in characters, two neighbours changing places counted as one edit: `RNU` is nearer to RUN than
/// to ENV.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_than_three_edits_is_near() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!((distance("RNU", "RUN"), distance("", "ab"), distance("ab", "")), (1, 2, 2));
        assert_eq!(near("frm", ["chown", "from"]), Some("from".into()));
        assert_eq!(near("xyz", ["chown", "from"]), None);
        assert_eq!(near("from", ["frob", "from"]), None);
        assert_eq!(near_any_case("rum", ["ARG", "RUN"]), Some("run".into()));
        assert_eq!(near_any_case("Coppy", ["COPY"]), Some("COPY".into()));
    }
}
