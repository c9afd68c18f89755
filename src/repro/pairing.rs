//! Which element of one list belongs to which of another.

/// An element of one list, of the other, or one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pair {
    /// Of both: positions in the first and the second.
    Both(usize, usize),
    /// Only in the first.
    First(usize),
    /// Only in the second.
    Second(usize),
}

/// Pairs two lists in order: as many equal elements as possible, and between those what `is_like` or, where as many are left on
/// both sides, what stands in the same place.
pub fn pair<T: PartialEq>(first: &[T], second: &[T], is_like: &dyn Fn(usize, usize) -> bool) -> Vec<Pair> {
    let equal = common(first.len(), second.len(), &|one, two| first[one] == second[two]);
    let mut pairs = Vec::new();
    let (mut at, mut other) = (0, 0);
    for (one, two) in equal.into_iter().chain([(first.len(), second.len())]) {
        between(at..one, other..two, is_like, &mut pairs);
        if one < first.len() && two < second.len() {
            pairs.push(Pair::Both(one, two));
        }
        (at, other) = (one + 1, two + 1);
    }
    pairs
}

/// What lies between two equal ones.
fn between(
    first: std::ops::Range<usize>,
    second: std::ops::Range<usize>,
    is_like: &dyn Fn(usize, usize) -> bool,
    pairs: &mut Vec<Pair>,
) {
    let like = match first.len() == second.len() {
        true => (0..first.len()).map(|at| (at, at)).collect(),
        false => {
            common(first.len(), second.len(), &|one, two| is_like(first.start + one, second.start + two))
        }
    };
    let (mut at, mut other) = (first.start, second.start);
    for (one, two) in like {
        let (one, two) = (first.start + one, second.start + two);
        pairs.extend((at..one).map(Pair::First));
        pairs.extend((other..two).map(Pair::Second));
        pairs.push(Pair::Both(one, two));
        (at, other) = (one + 1, two + 1);
    }
    pairs.extend((at..first.end).map(Pair::First));
    pairs.extend((other..second.end).map(Pair::Second));
}

/// A longest common subsequence, as positions. LIMIT: quadratic, for layers, of which an image has some hundreds at most.
fn common(first: usize, second: usize, is_equal: &dyn Fn(usize, usize) -> bool) -> Vec<(usize, usize)> {
    // How long the longest is from each pair of places on.
    let mut longest = vec![vec![0_usize; second + 1]; first + 1];
    for one in (0..first).rev() {
        for two in (0..second).rev() {
            longest[one][two] = match is_equal(one, two) {
                true => longest[one + 1][two + 1] + 1,
                false => longest[one + 1][two].max(longest[one][two + 1]),
            };
        }
    }
    let (mut one, mut two) = (0, 0);
    let mut places = Vec::with_capacity(longest[0][0]);
    while one < first && two < second {
        if is_equal(one, two) {
            places.push((one, two));
            (one, two) = (one + 1, two + 1);
        } else if longest[one + 1][two] >= longest[one][two + 1] {
            one += 1;
        } else {
            two += 1;
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::Pair::{Both, First, Second};
    use super::*;

    fn paired(first: &str, second: &str) -> Vec<Pair> {
        let (first, second): (Vec<char>, Vec<char>) = (first.chars().collect(), second.chars().collect());
        // Alike are a letter and its capital.
        let is_like = |one: usize, two: usize| first[one].eq_ignore_ascii_case(&second[two]);
        pair(&first, &second, &is_like)
    }

    #[test]
    fn a_layer_more_moves_no_other() {
        assert_eq!(paired("abc", "axbc"), [Both(0, 0), Second(1), Both(1, 2), Both(2, 3)]);
        assert_eq!(paired("abc", "c"), [First(0), First(1), Both(2, 0)]);
        assert_eq!(paired("", "a"), [Second(0)]);
        assert_eq!(paired("", ""), []);
    }

    #[test]
    fn what_differs_is_paired_by_place_or_by_what_it_is_like() {
        assert_eq!(paired("abc", "axc"), [Both(0, 0), Both(1, 1), Both(2, 2)]);
        assert_eq!(paired("abc", "axBc"), [Both(0, 0), Second(1), Both(1, 2), Both(2, 3)]);
        assert_eq!(paired("abc", "axyc"), [Both(0, 0), First(1), Second(1), Second(2), Both(2, 3)]);
    }
}
