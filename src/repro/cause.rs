//! Why two runs of one step differ under a path, and what to do about it.

use super::known::{self, Around, Finding, Pair};
pub use super::rules::Class;
use super::rules::{Rule, When, by_path, named};
use crate::tree::RootPath;

/// What two runs of one step left under a path where they differ in more than metadata.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The path in the image.
    pub path: &'a RootPath,
    /// What was left there.
    pub left: Left<'a>,
}

/// Which of two runs left what.
#[derive(Clone, Copy, Debug)]
pub enum Left<'a> {
    /// Both left a file, with other bytes.
    Both(Bytes<'a>),
    /// Only the first left something.
    OnlyFirst,
    /// Only the second.
    OnlySecond,
}

/// The bytes of two files that differ.
#[derive(Clone, Copy, Debug)]
pub struct Bytes<'a> {
    /// The first run's, or their beginning.
    pub first: &'a [u8],
    /// The second run's.
    pub second: &'a [u8],
    /// Whether these are the whole files.
    pub whole: bool,
    /// Where they begin to differ.
    pub offset: u64,
    /// Up to 64 bytes of each around that place, from 16 before it: it may lie behind the beginnings.
    pub around: (&'a [u8], &'a [u8]),
}

/// A cause that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What kind of cause it is.
    pub class: Class,
    /// The stable name of the rule that says so.
    pub rule: &'static str,
    /// What differs and why, with values where they help: a clause without a full stop. It may quote the files, so whoever
    /// shows it escapes it.
    pub what: String,
    /// What to do in the Dockerfile, in sentences.
    pub fix: &'static str,
}

/// So many bytes stand before the place in [`Bytes::around`].
const BEFORE: u64 = 16;

/// Says why the two differ; none if nothing is known about it.
///
/// ORDER: a path that is enough by itself; then a name made up or dated where only one run has it; then what the bytes say,
/// which is what the file's format knows; then a path that is probably enough; at last bytes that only say where.
pub fn cause(sample: &Sample<'_>) -> Option<Cause> {
    if let Some(rule) = by_path(sample.path, &[When::Certain, When::Secret]) {
        return Some(from_path(rule, sample));
    }
    let Left::Both(bytes) = sample.left else {
        return name(sample.path)
            .or_else(|| Some(from_path(by_path(sample.path, &[When::Single, When::Likely])?, sample)));
    };
    let found = look(sample.path, bytes);
    let says_why = found.as_ref().is_some_and(Finding::says_why);
    let likely = by_path(sample.path, &[When::Likely]).filter(|_| !says_why);
    match likely {
        Some(rule) => Some(from_path(rule, sample)),
        None => from_bytes(found?),
    }
}

fn from_path(rule: &Rule, sample: &Sample<'_>) -> Cause {
    let detail = match sample.left {
        Left::OnlyFirst => Some("only the first run left it".to_string()),
        Left::OnlySecond => Some("only the second run left it".to_string()),
        Left::Both(_) if rule.when == When::Secret => None,
        Left::Both(bytes) => known::first_line(bytes.first, bytes.second, bytes.whole),
    };
    made(rule, &detail.unwrap_or_default())
}

fn from_bytes(found: Finding) -> Option<Cause> {
    Some(made(named(found.rule)?, &found.detail))
}

fn made(rule: &Rule, detail: &str) -> Cause {
    let what = match detail.is_empty() {
        true => rule.what.to_string(),
        false => format!("{}: {detail}", rule.what),
    };
    Cause { class: rule.class, rule: rule.id, what, fix: rule.fix }
}

/// What the name of a path says that only one of the runs has.
fn name(path: &RootPath) -> Option<Cause> {
    let names = || path.components().map(String::from_utf8_lossy);
    let made_up = names().find(|name| known::looks_made_up(name)).map(|name| ("temporary-name", name));
    let (rule, name) =
        made_up.or_else(|| Some(("dated-name", names().find(|name| known::has_time(name))?)))?;
    Some(made(named(rule)?, &name))
}

fn look(path: &RootPath, bytes: Bytes<'_>) -> Option<Finding> {
    let (first, second) = bytes.around;
    let around = Around { start: bytes.offset.saturating_sub(BEFORE), first, second };
    let pair = Pair::new(path.as_bytes(), bytes.first, bytes.second, bytes.whole);
    known::look(&Pair { around: Some(around), ..pair })
}

#[cfg(test)]
mod tests;
