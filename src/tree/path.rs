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

    /// A path from bytes that are clean already, as [`RootPath::as_bytes`] gave them.
    pub fn from_clean(path: &[u8]) -> Result<RootPath, Error> {
        match RootPath::is_clean(path) {
            true => Ok(RootPath(path.to_vec())),
            false => Err(Error::Path(String::from_utf8_lossy(path).into_owned())),
        }
    }

    /// Whether these bytes are such a path.
    pub fn is_clean(path: &[u8]) -> bool {
        // One pass, since every entry of every stored list comes through here: a component ends at each slash.
        let mut start = 0;
        let mut wrong = path.first() == Some(&b'/');
        for (at, byte) in path.iter().chain(b"/").enumerate() {
            if *byte == b'/' {
                wrong |= at - start <= 2 && matches!(&path[start..at], b"" | b"." | b"..");
                start = at + 1;
            }
            wrong |= *byte == 0;
        }
        !wrong || path.is_empty()
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
        match self.0.strip_prefix(directory.0.as_slice()) {
            Some(rest) => rest.is_empty() || directory.is_root() || rest[0] == b'/',
            None => false,
        }
    }

    /// Whether this path lies below `directory` and is not it.
    pub fn is_below(&self, directory: &RootPath) -> bool {
        self.0.len() > directory.0.len() && self.starts_with(directory)
    }

    /// The first component below `directory` of a path that lies below it: its child on the way here.
    pub fn child_of(&self, directory: &RootPath) -> RootPath {
        debug_assert!(self.is_below(directory));
        let start = if directory.is_root() { 0 } else { directory.0.len() + 1 };
        let end = self.0[start..].iter().position(|b| *b == b'/').map_or(self.0.len(), |at| start + at);
        RootPath(self.0[..end].to_vec())
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
        // Eight bytes at a time: sorted neighbours share long prefixes, and every lookup comes through here.
        let (a, b) = (self.0.as_slice(), other.0.as_slice());
        let equal =
            a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0).take_while(|(a, b)| a == b).count() * 8;
        order(&a[equal..], &b[equal..])
    }
}

/// The order of two paths, by what follows bytes that they share.
pub fn order(a: &[u8], b: &[u8]) -> Ordering {
    match a.iter().zip(b).find(|(a, b)| a != b) {
        // Comparing bytes with `/` below all others compares components: NUL, the only lower one, cannot occur.
        Some((a, b)) => (*a != b'/', a).cmp(&(*b != b'/', b)),
        None => a.len().cmp(&b.len()),
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
    fn only_clean_bytes_are_taken_as_they_are() {
        for text in ["", "a", "a/b", "...", "a/..b/.c", "a/b.."] {
            assert_eq!(RootPath::from_clean(text.as_bytes()).unwrap(), path(text));
        }
        for text in ["/", "/a", "a/", "a//b", ".", "a/.", "./a", "..", "a/..", "../a", "a/../b", "a\0b", "\0"]
        {
            assert!(RootPath::from_clean(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn the_order_is_that_of_components() {
        let names = [
            "",
            "a",
            "ab",
            "a-",
            "a/b",
            "a/b/c",
            "abcdefgh",
            "abcdefgh/i",
            "abcdefgh-i",
            "abcdefghij/k",
            "b/a",
        ];
        for (a, b) in names.iter().flat_map(|a| names.iter().map(move |b| (path(a), path(b)))) {
            assert_eq!(a.cmp(&b), a.components().cmp(b.components()), "{a} {b}");
        }
    }

    #[test]
    fn children_are_the_first_step_down() {
        assert_eq!(path("a/b/c").child_of(&path("a")), path("a/b"));
        assert_eq!(path("a/b/c").child_of(&RootPath::root()), path("a"));
        assert!(
            path("a/b").is_below(&path("a"))
                && !path("a").is_below(&path("a"))
                && !path("ab").is_below(&path("a"))
        );
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
