//! Sources of ADD that are not files of a context: URLs and git repositories.

/// What a source is, where it is not a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remote {
    /// A file over HTTP.
    Url,
    /// A git repository.
    Git,
}

impl Remote {
    /// What `source` is; none for a path.
    pub fn of(source: &str) -> Option<Remote> {
        let scheme = source.split_once("://").map(|(scheme, _)| scheme);
        match scheme.filter(|scheme| !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric()))
        {
            Some(scheme) => match scheme.to_ascii_lowercase().as_str() {
                "ssh" | "git" => Some(Remote::Git),
                // COMPAT: over HTTP only what ends in .git is a repository.
                "http" | "https" if path(source).ends_with(".git") => Some(Remote::Git),
                _ if matches!(scheme, "http" | "https") => Some(Remote::Url),
                _ => None,
            },
            None => is_scp(source).then_some(Remote::Git),
        }
    }
}

/// A URL without query and fragment.
fn path(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

/// `git@host:path`
fn is_scp(source: &str) -> bool {
    let Some((user, rest)) = source.split_once('@') else { return false };
    let Some((host, _)) = rest.split_once(':') else { return false };
    let word = |text: &str, more: &[u8]| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b))
    };
    word(user, b"-_") && word(host, b"-.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_repositories_are_told_from_paths() {
        for (source, want) in [
            ("https://example.org/a.tar.gz", Some(Remote::Url)),
            ("https://example.org/a.git", Some(Remote::Git)),
            ("https://example.org/a.git#main:sub", Some(Remote::Git)),
            ("https://example.org/a.git?ref=x", Some(Remote::Git)),
            ("https://example.org/?x=a.git", Some(Remote::Url)),
            ("git@example.org:a/b", Some(Remote::Git)),
            ("ssh://git@example.org/a", Some(Remote::Git)),
            ("git://example.org/a", Some(Remote::Git)),
            ("ftp://example.org/a", None),
            ("github.com/a/b", None),
            ("./git@x:y", None),
            ("a@b", None),
            ("a:b", None),
            ("HTTP://example.org/a", None),
        ] {
            assert_eq!(Remote::of(source), want, "{source}");
        }
    }
}
