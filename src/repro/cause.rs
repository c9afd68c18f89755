//! Why two runs of one step differ under a path, and what to do about it.

use super::known::{self, Finding, Pair};
pub use super::rules::Class;
use super::rules::{Rule, When, by_path, named};
use crate::tree::RootPath;

/// What two runs of one step left under a path.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The path in the image.
    pub path: &'a RootPath,
    /// The bytes of the first run's file, or their beginning; none if it left no regular file there.
    pub first: Option<&'a [u8]>,
    /// The second run's.
    pub second: Option<&'a [u8]>,
    /// Whether the bytes are the whole files.
    pub whole: bool,
    /// Where the two begin to differ, in bytes from the start of the file; none if only one is there.
    pub offset: Option<u64>,
    /// Some bytes of each around that place, for files of which only a beginning is here. They begin 16 bytes before the
    /// place, or with the file.
    pub around: Option<(&'a [u8], &'a [u8])>,
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

/// So many bytes stand before the place in [`Sample::around`].
const BEFORE: u64 = 16;

/// Says why the two differ; none if nothing is known about it.
///
/// ORDER: a path that is enough by itself; then a name made up or dated where only one run has it; then what the bytes say,
/// which is what the file's format knows; then a path that is probably enough; at last bytes that only say where.
pub fn cause(sample: &Sample<'_>) -> Option<Cause> {
    if let Some(rule) = by_path(sample.path, &[When::Certain, When::Secret]) {
        return Some(from_path(rule, sample));
    }
    if sample.first.is_some() != sample.second.is_some() {
        return name(sample.path)
            .or_else(|| Some(from_path(by_path(sample.path, &[When::Single, When::Likely])?, sample)));
    }
    let found = bytes(sample);
    let says_why = found.as_ref().is_some_and(Finding::says_why);
    let likely = by_path(sample.path, &[When::Likely]).filter(|_| !says_why);
    match likely {
        Some(rule) => Some(from_path(rule, sample)),
        None => from_bytes(found?),
    }
}

fn from_path(rule: &Rule, sample: &Sample<'_>) -> Cause {
    let detail = match (sample.first, sample.second) {
        (Some(_), None) => Some("only the first run left it".to_string()),
        (None, Some(_)) => Some("only the second run left it".to_string()),
        (Some(first), Some(second)) if rule.when != When::Secret => {
            known::first_line(first, second, sample.whole)
        }
        _ => None,
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

fn bytes(sample: &Sample<'_>) -> Option<Finding> {
    let (first, second) = (sample.first?, sample.second?);
    let found = known::look(&Pair::new(sample.path.as_bytes(), first, second, sample.whole));
    found.or_else(|| {
        let (first, second) = sample.around?;
        known::around(first, second, sample.offset?.saturating_sub(BEFORE))
    })
}

#[cfg(test)]
mod tests;
