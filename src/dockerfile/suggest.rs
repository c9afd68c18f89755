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

/// Levenshtein's distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = corner + usize::from(from != *to);
            corner = row[j + 1];
            row[j + 1] = replaced.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_than_three_edits_is_near() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(near("frm", ["chown", "from"]), Some("from".into()));
        assert_eq!(near("xyz", ["chown", "from"]), None);
        assert_eq!(near("from", ["frob", "from"]), None);
        assert_eq!(near_any_case("rum", ["ARG", "RUN"]), Some("run".into()));
        assert_eq!(near_any_case("Coppy", ["COPY"]), Some("COPY".into()));
    }
}
