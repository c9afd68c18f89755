//! Which ids a user namespace gets: the subordinate ones of a user, from `/etc/subuid` and `/etc/subgid`, or all of them.

/// A run of ids on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first.
    pub start: u32,
    /// How many.
    pub count: u32,
}

/// The ranges that a file (`name:start:count` or `uid:start:count` a line) gives to a user.
pub fn ranges(file: &str, uid: u32, name: Option<&str>) -> Vec<Range> {
    let number = uid.to_string();
    file.lines()
        .filter_map(|line| {
            let mut fields = line.trim().split(':');
            let owner = fields.next()?;
            if owner != number && Some(owner) != name {
                return None;
            }
            let start = fields.next()?.parse().ok()?;
            let count: u32 = fields.next()?.parse().ok()?;
            (count > 0 && fields.next().is_none()).then_some(Range { start, count })
        })
        // LIMIT: the kernel takes 340 lines; nobody has more than a few.
        .take(300)
        .collect()
}

/// The arguments for newuidmap and newgidmap: 0 inside is `own` outside, 1 and up are the ranges in turn.
pub fn map_arguments(own: u32, ranges: &[Range]) -> Vec<String> {
    let mut arguments = vec!["0".to_owned(), own.to_string(), "1".to_owned()];
    let mut next = 1_u32;
    for range in ranges {
        let count = range.count.min(u32::MAX - next);
        arguments.extend([next.to_string(), range.start.to_string(), count.to_string()]);
        next += count;
    }
    arguments
}

/// The map that gives a namespace all ids of the one that has `own` as its map, each as itself. But for the last: the map of
/// the initial namespace is how that is known.
pub fn identity(own: &str) -> String {
    let mut map = String::new();
    for line in own.lines() {
        let mut numbers = line.split_ascii_whitespace().map(str::parse::<u32>);
        if let (Some(Ok(inside)), Some(Ok(_)), Some(Ok(count))) =
            (numbers.next(), numbers.next(), numbers.next())
        {
            let count = count.min(u32::MAX - 1 - inside);
            map.push_str(&format!("{inside} {inside} {count}\n"));
        }
    }
    map
}

/// A start above every range in the files, for a line that somebody will add.
pub fn free_start(files: &[String]) -> u32 {
    let ends = files.iter().flat_map(|file| file.lines()).filter_map(|line| {
        let mut numbers = line.split(':').skip(1).map(|number| number.trim().parse::<u32>().ok());
        numbers.next()??.checked_add(numbers.next()??)
    });
    // LIMIT: where useradd begins to hand them out.
    ends.max().unwrap_or(0).max(100_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str =
        "ada:100000:65536\nbob:165536:65536\n1000:300000:1000\nada:bad:1\nada:1:2:3\nada:5:0\n";

    #[test]
    fn the_identity_has_all_ids_and_is_never_taken_for_the_initial_map() {
        assert_eq!(identity("         0          0 4294967295\n"), "0 0 4294967294\n");
        assert_eq!(identity("0 400000 65536\n70000 5 2\n"), "0 0 65536\n70000 70000 2\n");
        assert_eq!(identity(""), "");
    }

    #[test]
    fn ranges_are_found_by_name_and_by_number_and_damaged_lines_are_passed_over() {
        let expected = [Range { start: 100_000, count: 65_536 }, Range { start: 300_000, count: 1000 }];
        assert_eq!(ranges(FILE, 1000, Some("ada")), expected);
        assert_eq!(ranges(FILE, 1000, None), expected[1..]);
        assert_eq!(ranges(FILE, 7, Some("eve")), []);
    }

    #[test]
    fn a_free_start_lies_above_every_range() {
        assert_eq!(free_start(&[FILE.to_owned(), "x:400000:10".to_owned()]), 400_010);
        assert_eq!(free_start(&[]), 100_000);
    }

    #[test]
    fn the_map_begins_with_the_user_as_root_and_goes_on_without_a_gap() {
        let arguments = map_arguments(1000, &ranges(FILE, 1000, Some("ada")));
        assert_eq!(arguments.join(" "), "0 1000 1 1 100000 65536 65537 300000 1000");
    }
}
