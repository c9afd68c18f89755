//! Wildcards of COPY and ADD sources: Go's `filepath.Match` on one component.

/// A pattern that Go's `filepath.Match` refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("syntax error in pattern")]
pub struct BadPattern;

/// Whether `name`, one component of a path, matches `pattern`.
pub fn match_component(pattern: &[u8], name: &[u8]) -> Result<bool, BadPattern> {
    let _ = (pattern, name);
    todo!()
}

/// Whether `pattern` is more than a literal name.
pub fn has_meta(pattern: &str) -> bool {
    pattern.contains(['*', '?', '[', '\\'])
}
