//! The build check that needs the ignore file: what is copied, and is not there for that reason.

use crate::graph::{ContextSource, Graph};
use crate::plan::{Copied, Warning};
use crate::tree::{Patterns, RootPath};
use crate::worker::Context;

/// A warning for each path that the ignore file of the build context leaves out.
///
/// SPEC: silent where the file takes paths in again: a directory that is left out may then hold what is not.
pub fn ignored(copied: &[Copied], graph: &Graph, contexts: &[Context]) -> Vec<Warning> {
    let main = graph.contexts.iter().position(|source| *source == ContextSource::Main);
    let Some(patterns) = main.and_then(|main| contexts.get(main)).map(|context| &context.ignore) else {
        return Vec::new();
    };
    if patterns.is_empty() || patterns.has_exceptions() {
        return Vec::new();
    }
    copied.iter().filter_map(|copied| warning(copied, patterns)).collect()
}

fn warning(copied: &Copied, patterns: &Patterns) -> Option<Warning> {
    let path = RootPath::clean(&copied.path).ok()?;
    let left_out = if path.is_root() { patterns.leaves_nothing() } else { patterns.matches(&path) };
    let text = String::from_utf8_lossy(path.as_bytes());
    let shown = if path.is_root() { "." } else { &*text };
    left_out.then(|| Warning {
        rule: "CopyIgnoredFile",
        message: format!("Attempting to {} file {shown:?} that is excluded by .dockerignore", copied.verb),
        location: Some(copied.location),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Graph, Location};
    use crate::worker::ContextFiles;

    fn told(ignore: &str, paths: &[&str]) -> Vec<String> {
        let location = Location { first: 1, last: 1 };
        let copied: Vec<Copied> =
            paths.iter().map(|path| Copied { verb: "Copy", path: path.to_string(), location }).collect();
        let graph = Graph { contexts: vec![ContextSource::Main], ..Graph::default() };
        let context = Context::new(ContextFiles::Empty, Patterns::parse(ignore).unwrap());
        ignored(&copied, &graph, &[context]).into_iter().map(|warning| warning.message).collect()
    }

    #[test]
    fn what_is_copied_and_left_out_is_told() {
        let left_out =
            |path: &str| format!("Attempting to Copy file {path:?} that is excluded by .dockerignore");
        assert_eq!(
            told("Dockerfile\nd\n", &["./Dockerfile", "x", "/d/x"]),
            [left_out("Dockerfile"), left_out("d/x")]
        );
        assert_eq!(told("*.md\n", &["*.md", "a/b.md"]), [left_out("*.md")]);
        assert!(told("*\n!a\n", &["a", "b"]).is_empty(), "too hard to say with exceptions");
        assert!(told(".*\n", &[".", "/"]).is_empty(), "the context as a whole is no file");
        assert_eq!(told("**/*\n", &["."]), [left_out(".")]);
        assert!(told("", &["a"]).is_empty());
    }
}
