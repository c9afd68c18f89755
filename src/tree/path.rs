//! A path inside an image.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;

use super::error::Error;

/// A path inside an image: any bytes but NUL, relative to the root, without `.`, `..` or empty components. The root
/// itself is the empty path.
///
/// Never mixed with [`std::path::Path`], which is a path on the host.
///
/// **Invariant**: [`Ord`] is the order of every list of entries: component by component, as bytes, a directory before
/// what it holds. ORDER: layers, keys and digests hang on it.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct RootPath(Vec<u8>);

impl RootPath {
    /// The root.
    pub fn root() -> RootPath {
        RootPath::default()
    }

    /// Reads a path as it stands in a tar or a Dockerfile: leading `/`, `./` and doubled slashes fall away, and `..`
    /// steps back but never above the root. A NUL byte is an error.
    pub fn clean(path: impl AsRef<[u8]>) -> Result<RootPath, Error> {
        let path = path.as_ref();
        if path.contains(&0) {
            return Err(Error::Path(String::from_utf8_lossy(path).into_owned()));
        }
        let mut clean = RootPath::root();
        for component in path.split(|b| *b == b'/') {
            match component {
                b"" | b"." => {}
                b".." => clean = clean.parent().unwrap_or_default(),
                name => clean.push(name),
            }
        }
        Ok(clean)
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes, without a leading `/`.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The path with `name` (one component) below it.
    pub fn join(&self, name: impl AsRef<[u8]>) -> RootPath {
        let mut path = self.clone();
        path.push(name.as_ref());
        path
    }

    /// The path with all of `below` below it.
    pub fn join_path(&self, below: &RootPath) -> RootPath {
        if below.is_root() { self.clone() } else { self.join(&below.0) }
    }

    fn push(&mut self, name: &[u8]) {
        debug_assert!(!name.is_empty());
        if !self.0.is_empty() {
            self.0.push(b'/');
        }
        self.0.extend_from_slice(name);
    }

    /// The directory that holds this path; none for the root.
    pub fn parent(&self) -> Option<RootPath> {
        match self.0.iter().rposition(|b| *b == b'/') {
            Some(at) => Some(RootPath(self.0[..at].to_vec())),
            None if self.is_root() => None,
            None => Some(RootPath::root()),
        }
    }

    /// The last component; empty for the root.
    pub fn name(&self) -> &[u8] {
        match self.0.iter().rposition(|b| *b == b'/') {
            Some(at) => &self.0[at + 1..],
            None => &self.0,
        }
    }

    /// The components, outermost first; none for the root.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.split(|b| *b == b'/').filter(|c| !c.is_empty())
    }

    /// The directories above this path, the root first, without the path itself.
    pub fn ancestors(&self) -> impl Iterator<Item = RootPath> + '_ {
        let root = (!self.is_root()).then(RootPath::root);
        let rest = self
            .0
            .iter()
            .enumerate()
            .filter(|(_, b)| **b == b'/')
            .map(|(at, _)| RootPath(self.0[..at].to_vec()));
        root.into_iter().chain(rest)
    }

    /// Whether this path is `directory` or lies below it.
    pub fn starts_with(&self, directory: &RootPath) -> bool {
        self.strip_prefix(directory).is_some()
    }

    /// The rest of this path below `directory`: the root if they are equal, none if it lies elsewhere.
    pub fn strip_prefix(&self, directory: &RootPath) -> Option<RootPath> {
        if directory.is_root() {
            return Some(self.clone());
        }
        match self.0.strip_prefix(directory.0.as_slice())? {
            [] => Some(RootPath::root()),
            [b'/', rest @ ..] => Some(RootPath(rest.to_vec())),
            _ => None,
        }
    }
}

impl Ord for RootPath {
    fn cmp(&self, other: &RootPath) -> Ordering {
        // Comparing bytes with `/` below all others compares components: a NUL byte, the only lower one, cannot occur.
        let rank = |b: &u8| if *b == b'/' { 0 } else { *b };
        self.0.iter().map(rank).cmp(other.0.iter().map(rank))
    }
}

impl PartialOrd for RootPath {
    fn partial_cmp(&self, other: &RootPath) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Borrow<[u8]> for RootPath {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for RootPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for RootPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RootPath {
        RootPath::clean(text).expect("valid")
    }

    #[test]
    fn cleaning_never_leaves_the_root() {
        for (text, want) in [
            ("/", "/"),
            ("a//b/./c/", "/a/b/c"),
            ("../../a", "/a"),
            ("/a/../../b", "/b"),
            ("", "/"),
            (".", "/"),
        ] {
            assert_eq!(path(text).to_string(), want);
        }
        assert!(RootPath::clean("a\0b").is_err());
    }

    #[test]
    fn a_directory_comes_before_its_entries_and_they_before_its_longer_siblings() {
        let mut paths = ["a-b", "a/b", "a", "a.b", "b", "", "a/b/c", "a0"].map(path);
        paths.sort();
        assert_eq!(paths.map(|p| p.to_string()), ["/", "/a", "/a/b", "/a/b/c", "/a-b", "/a.b", "/a0", "/b"]);
    }

    #[test]
    fn parents_names_and_prefixes_agree() {
        let deep = path("a/b/c");
        assert_eq!(deep.parent(), Some(path("a/b")));
        assert_eq!(deep.name(), b"c");
        assert_eq!(deep.ancestors().map(|p| p.to_string()).collect::<Vec<_>>(), ["/", "/a", "/a/b"]);
        assert_eq!(deep.strip_prefix(&path("a")), Some(path("b/c")));
        assert_eq!(deep.strip_prefix(&path("a/b/c")), Some(RootPath::root()));
        assert!(!path("ab").starts_with(&path("a")));
        assert_eq!(RootPath::root().parent(), None);
        assert_eq!(RootPath::root().ancestors().count(), 0);
    }
}
