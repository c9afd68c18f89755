//! A source's path: which part is literal and which is matched name by name.

use super::error::Error;
use crate::source::is_wildcard;
use crate::tree::glob::match_component;
use crate::tree::{Kind, RootPath, Stack};

/// A source's path. Wildcards stand in single components; from the first of them on, `\` takes a special character
/// literally.
///
/// COMPAT: as in BuildKit a `\` before the first wildcard is a character like any other.
#[derive(Debug)]
pub(super) struct Pattern {
    /// What stands before the first wildcard.
    pub(super) literal: RootPath,
    /// The rest; none for a plain path.
    components: Vec<Vec<u8>>,
}

impl Pattern {
    /// Takes a source apart: `..` and a leading `/` stay inside the root.
    pub(super) fn parse(text: &str) -> Result<Pattern, Error> {
        let clean = RootPath::clean(text)?;
        let all: Vec<Vec<u8>> = clean.components().map(<[u8]>::to_vec).collect();
        let split = all.iter().position(|component| is_wildcard(component)).unwrap_or(all.len());
        let components = all[split..].to_vec();
        for component in &components {
            if match_component(component, b"").is_err() {
                return Err(Error::Pattern { pattern: text.to_string() });
            }
        }
        let literal = all[..split].iter().fold(RootPath::root(), |path, name| path.join(name));
        Ok(Pattern { literal, components })
    }

    pub(super) fn is_plain(&self) -> bool {
        self.components.is_empty()
    }

    /// The paths that match below `directory`, where the literal part led, in order. No link is followed on the way.
    pub(super) fn matches(&self, source: &Stack, directory: &RootPath) -> Vec<RootPath> {
        let mut found = Vec::new();
        descend(source, directory, &self.components, &mut found);
        found
    }
}

fn descend(source: &Stack, directory: &RootPath, components: &[Vec<u8>], found: &mut Vec<RootPath>) {
    let Some((first, rest)) = components.split_first() else { return };
    for child in source.children(directory) {
        if !match_component(first, child.entry.path.name()).unwrap_or(false) {
            continue;
        }
        if rest.is_empty() {
            found.push(child.entry.path);
        } else if child.entry.kind == Kind::Directory {
            descend(source, &child.entry.path, rest, found);
        }
    }
}
