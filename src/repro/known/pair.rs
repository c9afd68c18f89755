//! Two versions of one file, and what was found in them.

use super::super::rules::{Class, named};

/// LIMIT: ours. How often something is opened to look into what it holds: a package, its archive and a member of that.
pub const LEVELS: u8 = 3;

/// Two versions of one file, or of one member of an archive.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// Its path, or its name where it is a member.
    pub name: &'a [u8],
    /// The first run's bytes.
    pub first: &'a [u8],
    /// The second run's.
    pub second: &'a [u8],
    /// Whether these are all bytes of both.
    pub whole: bool,
    /// How many levels may still be opened.
    pub levels: u8,
    /// What stands where they begin to differ, which may be behind what is here of them.
    pub around: Option<Around<'a>>,
}

/// Some bytes of two files around the place where they begin to differ.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// Where these bytes begin in the files.
    pub start: u64,
    /// The first run's.
    pub first: &'a [u8],
    /// The second run's.
    pub second: &'a [u8],
}

impl<'a> Pair<'a> {
    /// Two files as they lie in the tree.
    pub fn new(name: &'a [u8], first: &'a [u8], second: &'a [u8], whole: bool) -> Pair<'a> {
        Pair { name, first, second, whole, levels: LEVELS, around: None }
    }

    /// Both, as one function makes something of each; none if it fails for one.
    pub fn both<T>(&self, make: impl Fn(&'a [u8]) -> Option<T>) -> Option<(T, T)> {
        Some((make(self.first)?, make(self.second)?))
    }

    /// Whether both begin so.
    pub fn starts_with(&self, magic: &[u8]) -> bool {
        self.first.starts_with(magic) && self.second.starts_with(magic)
    }

    /// What is inside, one level down; none where no level is left.
    pub fn inside<'b>(
        &self,
        name: &'b [u8],
        first: &'b [u8],
        second: &'b [u8],
        whole: bool,
    ) -> Option<Pair<'b>> {
        let levels = self.levels.checked_sub(1)?;
        Some(Pair { name, first, second, whole, levels, around: None })
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The id of the rule.
    pub rule: &'static str,
    /// The place and the values; may be empty.
    pub detail: String,
}

impl Finding {
    /// A rule that holds, with what is particular here.
    pub fn new(rule: &'static str, detail: impl Into<String>) -> Finding {
        Finding { rule, detail: detail.into() }
    }

    /// The same, found further inside.
    pub fn within(self, place: &str) -> Finding {
        let detail = match self.detail.is_empty() {
            true => place.to_string(),
            false => format!("{place}, {}", self.detail),
        };
        Finding { detail, ..self }
    }

    /// Whether a cause was found, not only a place.
    pub fn says_why(&self) -> bool {
        named(self.rule).is_some_and(|rule| rule.class != Class::Unknown)
    }
}
