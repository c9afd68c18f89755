//! Paths in an image as text: cleaned, joined, absolute.

/// `path` without `.`, `..` and doubled slashes, absolute; `..` stops at the root.
pub(super) fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// `path` seen from the directory `from`, cleaned.
pub(super) fn join(from: &str, path: &str) -> String {
    if path.starts_with('/') { clean(path) } else { clean(&format!("{from}/{path}")) }
}

/// Where COPY writes: absolute, with a `/` at the end where that says "into this directory".
pub(super) fn destination(from: &str, path: &str) -> String {
    let into = path.ends_with('/') || path.ends_with("/.") || matches!(path, "" | ".");
    let clean = join(from, path);
    if into && clean != "/" { clean + "/" } else { clean }
}

/// A source of `COPY --parents`: absolute, with the pivot `/./` kept where there is one.
pub(super) fn with_pivot(path: &str) -> String {
    match path.split_once("/./") {
        Some((above, below)) => {
            let above = clean(above);
            format!("{}/.{}", if above == "/" { "" } else { &above }, clean(below))
        }
        None => clean(path),
    }
}

/// WORKDIR as the config keeps it.
///
/// COMPAT: an absolute path stays as it was written (`/a/`), only a relative one is joined and cleaned.
pub(super) fn workdir(current: &str, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_string();
    }
    let current = if current.is_empty() { "/" } else { current };
    if path.is_empty() && current.starts_with('/') { current.to_string() } else { join(current, path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_keep_the_slash_that_says_into() {
        for (from, path, want) in [
            ("/w", "a", "/w/a"),
            ("/w", "a/", "/w/a/"),
            ("/w", ".", "/w/"),
            ("/w", "./", "/w/"),
            ("/w", "", "/w/"),
            ("/w", "/a/.", "/a/"),
            ("/w", "/", "/"),
            ("/", ".", "/"),
            ("/w/x", "../y//z", "/w/y/z"),
            ("", "../..", "/"),
        ] {
            assert_eq!(destination(from, path), want, "{path:?} from {from:?}");
        }
    }

    #[test]
    fn a_pivot_survives_cleaning() {
        for (path, want) in [
            ("a/b/./c/d", "/a/b/./c/d"),
            ("/./c", "/./c"),
            ("./a/../b/*.c", "/b/*.c"),
            ("a/./b/../c", "/a/./c"),
        ] {
            assert_eq!(with_pivot(path), want, "{path:?}");
        }
    }

    #[test]
    fn working_directories_are_joined_but_not_tidied() {
        assert_eq!(workdir("/a", "b/../c"), "/a/c");
        assert_eq!(workdir("/a", "/b/"), "/b/");
        assert_eq!(workdir("", "b"), "/b");
        assert_eq!(workdir("/a", ""), "/a");
    }
}
