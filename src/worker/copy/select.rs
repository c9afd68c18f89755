//! Which entries of the source a copy reads.

use std::sync::Arc;

use super::contents::{Filter, contents};
use super::error::Error;
use super::near::near_names;
use super::pattern::Pattern;
use super::selection::{Item, Match, Selection, Unmatched, What};
use crate::graph::{Copy, CopySource, Input};
use crate::tree::{Error as TreeError, Last, Node, Patterns, RootPath, Stack, Time};

/// A tree among several, with the number that its lowest layer has among all their layers.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    /// The tree.
    pub stack: &'a Stack,
    /// What is added to the layer of each of its places.
    pub first_layer: usize,
}

/// Finds what the paths of `copy` select in `source`; with the here-documents.
#[cfg(test)]
pub fn select(copy: &Copy, source: &Stack) -> Result<Selection, Error> {
    select_parts(copy, &|one| match one {
        CopySource::Path(_) | CopySource::Inline { .. } => Some(Part { stack: source, first_layer: 0 }),
        CopySource::Remote { .. } => None,
    })
}

/// Finds what `copy` reads; `part` says in which tree each source is, or that it is left out.
pub fn select_parts<'a>(
    copy: &Copy,
    part: &dyn Fn(&CopySource) -> Option<Part<'a>>,
) -> Result<Selection, Error> {
    let exclude = Patterns::new(&copy.exclude).map_err(Error::Exclude)?;
    let mut selection = Selection::default();
    for one in &copy.sources {
        let Some(Part { stack: source, first_layer }) = part(one) else { continue };
        let before = selection.matches.len();
        match one {
            CopySource::Inline { name, content } => {
                let name = RootPath::clean(name)?.name().to_vec();
                let what = What::Inline(Arc::from(content.as_bytes()));
                selection.matches.push(Match { name, what, fetched: false, spared: false });
            }
            CopySource::Path(text) => {
                let finder = Finder { copy, source, exclude: &exclude };
                finder.find(text, &mut selection.matches)?;
                if nothing(&selection.matches[before..], copy.parents) {
                    selection.unmatched.push(Unmatched { pattern: text.clone() });
                }
            }
            // Never a pattern: a name that somebody else chose means itself.
            CopySource::Remote { path, .. } => {
                let finder = Finder { copy, source, exclude: &exclude };
                let path = RootPath::clean(path)?;
                let node = finder.follow(&path)?;
                selection.matches.push(Match { fetched: true, ..finder.matched(&path, node, None) });
            }
        }
        selection.matches[before..].iter_mut().for_each(|found| found.shift(first_layer));
    }
    Ok(selection)
}

/// Whether a source selects nothing. An empty directory is something, unless a pattern was to pick out of it.
fn nothing(matches: &[Match], parents: bool) -> bool {
    let empty = |found: &Match| matches!(&found.what, What::Directory { items, .. } if items.is_empty());
    matches.is_empty() || parents && matches.iter().all(empty)
}

struct Finder<'a> {
    copy: &'a Copy,
    source: &'a Stack,
    exclude: &'a Patterns,
}

impl Finder<'_> {
    fn find(&self, text: &str, matches: &mut Vec<Match>) -> Result<(), Error> {
        let (root, include) = if self.copy.parents { self.pivot(text)? } else { (text, None) };
        let pattern = Pattern::parse(root)?;
        if pattern.is_plain() {
            let node = self.follow(&pattern.literal)?;
            matches.push(self.matched(&pattern.literal, node, include.as_ref()));
            return Ok(());
        }
        let directory = match self.source.resolve(&pattern.literal, Last::Follow) {
            Ok(directory) => directory,
            Err(TreeError::NotADirectory(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        // COMPAT: a pattern may match nothing, but the directory that it looks into must be there.
        if !directory.is_root() && self.source.get(&directory).is_none() {
            return Err(self.missing(&pattern.literal));
        }
        for path in pattern.matches(self.source, &directory) {
            let node = self.follow(&path)?;
            matches.push(self.matched(&path, node, include.as_ref()));
        }
        Ok(())
    }

    /// With `--parents`: where the kept part of the path begins, and what is picked below there.
    fn pivot<'t>(&self, text: &'t str) -> Result<(&'t str, Option<Patterns>), Error> {
        let (root, rest) = text.split_once("/./").unwrap_or(("/", text));
        let rest = RootPath::clean(rest)?;
        if rest.is_root() {
            return Ok((root, None));
        }
        let below = rest;
        let rest = String::from_utf8_lossy(below.as_bytes()).into_owned();
        // Only a path without wildcards must exist.
        let all = format!("{root}/{rest}");
        let pattern = Pattern::parse(&all)?;
        if pattern.is_plain() {
            self.must_have(&pattern.literal, &RootPath::clean(root)?, &below)?;
        }
        // A `!` at the start would turn the pattern round.
        let rest = if rest.starts_with('!') { format!("\\{rest}") } else { rest };
        Patterns::new([rest])
            .map(|include| (root, Some(include)))
            .map_err(|_| Error::Pattern { pattern: all })
    }

    /// COMPAT: what `--parents` picks is kept as it is, a link too. Only a context must have what the link leads to: it is
    /// sent by following links.
    fn must_have(&self, path: &RootPath, root: &RootPath, below: &RootPath) -> Result<(), Error> {
        if matches!(self.copy.from, Input::Context(_)) {
            self.follow(path)?;
        }
        let kept = match self.source.resolve(path, Last::Keep) {
            Ok(kept) if self.source.get(&kept).is_some() => kept,
            Ok(_) | Err(TreeError::NotADirectory(_)) => return Err(self.missing(path)),
            Err(error) => return Err(error.into()),
        };
        // The directories that are kept are walked through, which goes through no link: nothing would be found.
        let root = self.source.resolve(root, Last::Follow)?;
        match kept == root.join_path(below) {
            true => Ok(()),
            false => Err(Error::LinkedParent { path: path.clone(), kept }),
        }
    }

    fn missing(&self, path: &RootPath) -> Error {
        Error::NotFound { path: path.to_string(), near: near_names(self.source, path) }
    }

    /// What `path` leads to; it must be there.
    fn follow(&self, path: &RootPath) -> Result<Node, Error> {
        let missing = || self.missing(path);
        let target = match self.source.resolve(path, Last::Follow) {
            Ok(target) => target,
            Err(TreeError::NotADirectory(_)) => return Err(missing()),
            Err(error) => return Err(error.into()),
        };
        if let Some(node) = self.source.get(&target) {
            return Ok(node);
        }
        let is_link =
            self.source.resolve(path, Last::Keep).is_ok_and(|kept| self.source.get(&kept).is_some());
        Err(if is_link { Error::Dangling { path: path.clone(), target } } else { missing() })
    }

    /// The match for `node`, found under the name `path`.
    fn matched(&self, path: &RootPath, node: Node, include: Option<&Patterns>) -> Match {
        let name = path.name().to_vec();
        if node.entry.is_directory() {
            let filter = Filter { include, exclude: self.exclude };
            let items = contents(self.source, &node.entry.path, filter);
            // The time matters only where times are kept, and all else of a copied directory never does.
            let mtime = match self.copy.epoch {
                Some(_) => Time::default(),
                None => Time::from_seconds(node.entry.mtime.seconds),
            };
            let what = What::Directory { items, mtime };
            return Match { name: Vec::new(), what, fetched: false, spared: false };
        }
        // COMPAT: as in BuildKit, whose reference says otherwise (`--exclude=*.txt hom*`), a file that is itself a source
        // is copied whatever --exclude says.
        let spared = self.exclude.matches(&RootPath::root().join(&name));
        let item = Item::new(node, RootPath::root(), false);
        Match { name, what: What::Single(Box::new(item)), fetched: false, spared }
    }
}
