//! The members of two archives, compared: order, times, owners, content.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read;

use super::look;
use super::names::looks_made_up;
use super::pair::{Finding, LEVELS, Pair};

/// LIMIT: ours. So many members of an archive are looked at.
pub const MEMBERS: usize = 1 << 14;
/// LIMIT: ours. So much comes out of what is compressed.
const PLAIN: u64 = 4 << 20;
/// LIMIT: ours. Members may lie over one another: so often the size of the archives is compared.
const COMPARED: usize = 4;
/// LIMIT: ours. So many members that differ are opened for one that says why; further inside, one.
const OPENED: usize = 8;

/// Where the content of a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// As it is.
    Stored(&'a [u8]),
    /// As zip compresses it.
    Deflated(&'a [u8]),
}

/// One member of an archive.
#[derive(Clone, Debug)]
pub struct Member<'a> {
    /// Its name as it stands there.
    pub name: Cow<'a, [u8]>,
    /// Its time, as it is shown.
    pub time: String,
    /// Its owner and mode, as they are shown.
    pub owner: String,
    /// What else the archive holds about it.
    pub extended: &'a [u8],
    /// What it holds.
    pub content: Content<'a>,
    /// Whether that is all of it.
    pub whole: bool,
}

/// An archive as far as it could be read.
pub struct Members<'a> {
    /// In the order of the archive.
    pub list: Vec<Member<'a>>,
    /// Whether that are all.
    pub complete: bool,
}

type Both<'a> = (&'a Member<'a>, &'a Member<'a>);

/// Says in what two archives differ; `time` is the rule for members' times.
pub fn compare(
    pair: &Pair<'_>,
    time: &'static str,
    first: &Members<'_>,
    second: &Members<'_>,
) -> Option<Finding> {
    let (one, other) = (by_name(&first.list), by_name(&second.list));
    let both: Vec<Both<'_>> =
        one.iter().filter_map(|(key, member)| Some((*member, *other.get(key)?))).collect();
    let complete = first.complete && second.complete;
    let same_names = both.len() == one.len() && both.len() == other.len();
    // ORDER: what is there at all, in which order, then the fields, from what is outside to what is inside.
    let names = match same_names {
        true => order(&first.list, &second.list),
        false if complete => missing(&one, &other),
        false => None,
    };
    names
        .or_else(|| field(time, &both, |member| &member.time))
        .or_else(|| field("archive-owner", &both, |member| &member.owner))
        .or_else(|| extended(&both))
        .or_else(|| contents(pair, &both))
}

/// Members by name; of several with one name, the first is with the other's first.
fn by_name<'a>(list: &'a [Member<'a>]) -> BTreeMap<(&'a [u8], usize), &'a Member<'a>> {
    let mut counts: BTreeMap<&[u8], usize> = BTreeMap::new();
    let mut found = BTreeMap::new();
    for member in list {
        let count = counts.entry(&member.name).or_default();
        found.insert((member.name.as_ref(), *count), member);
        *count += 1;
    }
    found
}

fn order(first: &[Member<'_>], second: &[Member<'_>]) -> Option<Finding> {
    let names = first.iter().zip(second).map(|(one, other)| (&one.name, &other.name));
    let (number, (one, other)) = (1..).zip(names).find(|(_, (one, other))| one != other)?;
    let detail =
        format!("of {} members, number {number} is {}, then {}", first.len(), shown(one), shown(other));
    Some(Finding::new("archive-order", detail))
}

fn missing(
    first: &BTreeMap<(&[u8], usize), &Member<'_>>,
    second: &BTreeMap<(&[u8], usize), &Member<'_>>,
) -> Option<Finding> {
    let only = |one: &BTreeMap<(&[u8], usize), &Member<'_>>,
                other: &BTreeMap<(&[u8], usize), &Member<'_>>| {
        let names: Vec<String> =
            one.keys().filter(|key| !other.contains_key(*key)).map(|(name, _)| shown(name)).collect();
        names
    };
    let (one, other) = (only(first, second), only(second, first));
    let made_up = |names: &[String]| names.iter().any(|name| name.split('/').any(looks_made_up));
    let rule = if made_up(&one) || made_up(&other) { "temporary-name" } else { "archive-member" };
    let detail = match (one.first(), other.first()) {
        (Some(one), Some(other)) => format!("{one} is only in the first, {other} only in the second"),
        (Some(one), None) => format!("{one} is only in the first"),
        (None, other) => format!("{} is only in the second", other?),
    };
    Some(Finding::new(rule, detail))
}

/// Says in how many members a field differs, and how in the first of them.
fn field<'a>(rule: &'static str, both: &[Both<'a>], of: fn(&'a Member<'a>) -> &'a str) -> Option<Finding> {
    let mut differ = both.iter().filter(|(one, other)| of(one) != of(other));
    let (one, other) = differ.next()?;
    let count = 1 + differ.count();
    let detail = format!(
        "{count} of {} members, among them {}: {}, then {}",
        both.len(),
        shown(&one.name),
        of(one),
        of(other)
    );
    Some(Finding::new(rule, detail))
}

fn extended(both: &[Both<'_>]) -> Option<Finding> {
    let (one, _) = both.iter().find(|(one, other)| one.extended != other.extended)?;
    Some(Finding::new("archive-extended", format!("in {}", shown(&one.name))))
}

/// Looks into the members whose content differs.
fn contents(pair: &Pair<'_>, both: &[Both<'_>]) -> Option<Finding> {
    let mut budget = COMPARED * (pair.first.len() + pair.second.len());
    let differs = |(one, other): &&Both<'_>| {
        budget = budget.saturating_sub(length(one.content));
        budget > 0 && one.content != other.content
    };
    let most = if pair.levels == LEVELS { OPENED } else { 1 };
    let differ: Vec<&Both<'_>> = both.iter().filter(differs).take(most).collect();
    let found = differ.iter().filter_map(|(one, other)| Some((one, inside(pair, one, other)?)));
    let found: Vec<(&&Member<'_>, Finding)> = found.collect();
    let said = found.iter().find(|(_, finding)| finding.says_why()).or(found.first());
    match said {
        Some((member, finding)) => Some(finding.clone().within(&format!("in {}", shown(&member.name)))),
        None => Some(Finding::new("archive-member", format!("in {}", shown(&differ.first()?.0.name)))),
    }
}

fn inside(pair: &Pair<'_>, one: &Member<'_>, other: &Member<'_>) -> Option<Finding> {
    let (first, first_whole) = open(one.content);
    let (second, second_whole) = open(other.content);
    let whole = one.whole && other.whole && first_whole && second_whole;
    if first == second {
        return whole.then(|| Finding::new("compressor", ""));
    }
    look(&pair.inside(&one.name, &first, &second, whole)?)
}

fn length(content: Content<'_>) -> usize {
    match content {
        Content::Stored(bytes) | Content::Deflated(bytes) => bytes.len(),
    }
}

fn open(content: Content<'_>) -> (Cow<'_, [u8]>, bool) {
    match content {
        Content::Stored(bytes) => (Cow::Borrowed(bytes), true),
        Content::Deflated(bytes) => {
            let (plain, whole) = drain(flate2::read::DeflateDecoder::new(bytes));
            (Cow::Owned(plain), whole)
        }
    }
}

/// What comes out, as far as it does and is not too much; and whether that is all.
fn drain(reader: impl Read) -> (Vec<u8>, bool) {
    let mut plain = Vec::new();
    let read = reader.take(PLAIN + 1).read_to_end(&mut plain);
    let whole = read.is_ok() && plain.len() as u64 <= PLAIN;
    plain.truncate(PLAIN as usize);
    (plain, whole)
}

/// A name as it is shown.
fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name.get(..256).unwrap_or(name)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member<'a>(name: &'a str, time: &str, content: &'a str) -> Member<'a> {
        Member {
            name: Cow::Borrowed(name.as_bytes()),
            time: time.to_string(),
            owner: "0:0".to_string(),
            extended: b"",
            content: Content::Stored(content.as_bytes()),
            whole: true,
        }
    }

    fn compared(first: Vec<Member<'_>>, second: Vec<Member<'_>>, complete: bool) -> Option<Finding> {
        let [first, second] = [first, second].map(|list| Members { list, complete });
        compare(&Pair::new(b"x", &[0; 100], &[1; 100], true), "archive-time", &first, &second)
    }

    #[test]
    fn order_comes_before_time_and_time_before_content() {
        let (a, b) = (member("a", "1", "x"), member("b", "1", "x"));
        let found = |first: &[&Member<'static>], second: &[&Member<'static>]| {
            let all = |list: &[&Member<'static>]| list.iter().map(|member| (*member).clone()).collect();
            compared(all(first), all(second), true).unwrap()
        };
        let later = member("a", "2", "y");
        let finding = found(&[&a, &b], &[&b, &later]);
        assert_eq!(finding, Finding::new("archive-order", "of 2 members, number 1 is a, then b"));
        let finding = found(&[&a, &b], &[&later, &b]);
        assert_eq!(finding, Finding::new("archive-time", "1 of 2 members, among them a: 1, then 2"));
        let owned = Member { owner: "7:7".into(), ..a.clone() };
        assert_eq!(found(&[&a], &[&owned]).rule, "archive-owner");
        assert_eq!(found(&[&a], &[&Member { extended: b"x", ..a.clone() }]).rule, "archive-extended");
        let other = member("a", "1", "y");
        assert_eq!(found(&[&a], &[&other]), Finding::new("text-line", "in a, line 1 is `x`, then `y`"));
        let bytes = Member { content: Content::Stored(b"\0\x01"), ..a.clone() };
        assert_eq!(found(&[&a], &[&bytes]), Finding::new("archive-member", "in a"));
    }

    #[test]
    fn a_member_that_says_why_is_preferred_to_one_that_does_not() {
        let finding = compared(
            vec![member("a", "", "x"), member("b", "", "at 03:04:05")],
            vec![member("a", "", "y"), member("b", "", "at 03:04:06")],
            true,
        );
        assert_eq!(finding.unwrap().detail, "in b, line 1 is `at 03:04:05`, then `at 03:04:06`");
    }

    #[test]
    fn what_only_one_has_is_said_of_whole_archives_alone() {
        let (one, two) = (vec![member("a", "", "")], vec![member("a", "", ""), member("b", "", "")]);
        let finding = compared(one.clone(), two.clone(), true).unwrap();
        assert_eq!(finding, Finding::new("archive-member", "b is only in the second"));
        assert_eq!(compared(one, two, false), None);
        let finding =
            compared(vec![member("tmp.AbCdEf", "", "")], vec![member("tmp.GhIjKl", "", "")], true).unwrap();
        assert_eq!(finding.rule, "temporary-name");
        assert_eq!(finding.detail, "tmp.AbCdEf is only in the first, tmp.GhIjKl only in the second");
    }

    #[test]
    fn names_that_come_twice_are_compared_one_by_one() {
        let list = |last: &str| vec![member("a", "1", ""), member("a", last, "")];
        assert_eq!(
            compared(list("1"), list("2"), true).unwrap().detail,
            "1 of 2 members, among them a: 1, then 2"
        );
    }
}
