//! The patterns of `.dockerignore` and `--exclude`.

use super::error::Error;
use super::path::RootPath;
use super::pattern::Pattern;

/// Patterns that leave paths out, in order; the last that matches a path or a directory above it decides.
#[derive(Clone, Debug, Default)]
pub struct Patterns {
    patterns: Vec<Pattern>,
}

/// What the patterns say of a path. Handed on to what lies below it, so that parents need not be matched again.
#[derive(Clone, Debug, Default)]
pub struct Matched {
    excluded: bool,
    /// Pattern by pattern: whether it matches the path or one above.
    each: Vec<bool>,
}

impl Matched {
    /// Whether the path is left out.
    pub fn is_excluded(&self) -> bool {
        self.excluded
    }
}

impl Patterns {
    /// Reads a `.dockerignore` file: a pattern a line; a line that begins with `#` is a comment; a leading `/` means
    /// nothing; a leading `!` takes paths in again.
    pub fn parse(text: &str) -> Result<Patterns, Error> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut patterns = Vec::new();
        for (number, line) in text.split('\n').enumerate() {
            // Only before trimming: `  #x` is a pattern.
            if line.starts_with('#') {
                continue;
            }
            let pattern = match line.trim().strip_prefix('!') {
                Some(rest) => format!("!{}", absolute(rest.trim())),
                None => absolute(line.trim()),
            };
            push(&mut patterns, number + 1, &pattern, line)?;
        }
        Ok(Patterns { patterns })
    }

    /// Takes patterns one by one, as `--exclude` gives them.
    pub fn new<S: AsRef<str>>(patterns: impl IntoIterator<Item = S>) -> Result<Patterns, Error> {
        let mut all = Vec::new();
        for (number, pattern) in patterns.into_iter().enumerate() {
            push(&mut all, number + 1, pattern.as_ref(), pattern.as_ref())?;
        }
        Ok(Patterns { patterns: all })
    }

    /// Whether there are no patterns, so that nothing is left out.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether a pattern takes paths in again.
    pub fn has_exceptions(&self) -> bool {
        self.patterns.iter().any(|pattern| pattern.exception)
    }

    /// Whether one of the patterns leaves out whatever there is.
    pub fn leaves_nothing(&self) -> bool {
        self.patterns.iter().any(|pattern| !pattern.exception && pattern.is_everything())
    }

    /// Whether `path` or a directory above it is left out. For one path; a walk uses [`Patterns::step`].
    pub fn matches(&self, path: &RootPath) -> bool {
        self.step(path, None).excluded
    }

    /// What the patterns say of `path`, given what they said of its parent (none for the top of the tree, or where the
    /// parent was not asked about).
    pub fn step(&self, path: &RootPath, parent: Option<&Matched>) -> Matched {
        self.step_bytes(path.as_bytes(), parent)
    }

    fn step_bytes(&self, path: &[u8], parent: Option<&Matched>) -> Matched {
        let mut matched = Matched { excluded: false, each: vec![false; self.patterns.len()] };
        if path.is_empty() {
            // Nothing leaves the whole tree out.
            return matched;
        }
        let parent = parent.filter(|parent| parent.each.len() == self.patterns.len());
        for (number, pattern) in self.patterns.iter().enumerate() {
            let above = parent.is_some_and(|parent| parent.each[number]);
            // A pattern that cannot change the answer is not asked; what lies below asks it again.
            if !above && pattern.exception != matched.excluded {
                continue;
            }
            if above || pattern.matches(path) || (parent.is_none() && matches_above(pattern, path)) {
                matched.each[number] = true;
                matched.excluded = !pattern.exception;
            }
        }
        matched
    }

    /// Whether a walk need not enter `directory`, of which `matched` was said: it is left out, and nothing below it can
    /// be taken in again.
    pub fn prunes(&self, directory: &RootPath, matched: &Matched) -> bool {
        let mut exceptions = self.patterns.iter().filter(|pattern| pattern.exception);
        matched.excluded && !exceptions.any(|pattern| pattern.may_match_below(directory.as_bytes()))
    }
}

fn matches_above(pattern: &Pattern, path: &[u8]) -> bool {
    let slashes = path.iter().enumerate().filter(|(_, b)| **b == b'/');
    slashes.map(|(at, _)| &path[..at]).any(|above| pattern.matches(above))
}

fn push(patterns: &mut Vec<Pattern>, line: usize, pattern: &str, written: &str) -> Result<(), Error> {
    let pattern = pattern.trim();
    if pattern.is_empty() {
        return Ok(());
    }
    let parsed = Pattern::parse(&clean(pattern));
    patterns.push(parsed.map_err(|reason| Error::Pattern {
        line,
        pattern: written.trim().to_string(),
        reason,
    })?);
    Ok(())
}

/// A pattern relative to the context.
fn absolute(pattern: &str) -> String {
    if pattern.is_empty() {
        return String::new();
    }
    let pattern = clean(pattern);
    match pattern.strip_prefix('/') {
        Some(rest) if !rest.is_empty() => rest.to_string(),
        _ => pattern,
    }
}

/// Go's `filepath.Clean`: no `.`, no doubled or last slash, `..` taken back where something is to take back.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_string(),
        (false, false) => parts.join("/"),
    }
}

#[cfg(test)]
mod tests;
