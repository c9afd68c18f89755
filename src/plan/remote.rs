//! Addresses of files that are elsewhere: URLs and git repositories, as ADD and build contexts write them.

use super::git_address;
use super::percent::percent_decode;
use crate::graph::{Remote, UrlSource};

/// What an address is, where it is not a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Url,
    Git,
}

/// The source that `text` names as ADD reads it; none for a path. The error is one line.
pub fn parse_remote(text: &str) -> Result<Option<Remote>, String> {
    match kind(text) {
        None => Ok(None),
        Some(Kind::Git) => git_address::parse(text).map(|git| Some(Remote::Git(git))),
        Some(Kind::Url) => Ok(Some(url(text, file_name(text)))),
    }
}

/// The same for a build context. What a server calls its file is of no use there; `github.com/…` is a repository.
pub fn parse_remote_context(text: &str) -> Result<Option<Remote>, String> {
    match kind(text) {
        Some(Kind::Url) => Ok(Some(url(text, "context".to_string()))),
        // COMPAT: the form without a scheme is older than all others.
        None if text.starts_with("github.com/") => parse_git(&format!("https://{text}")),
        _ => parse_remote(text),
    }
}

fn parse_git(text: &str) -> Result<Option<Remote>, String> {
    git_address::parse(text).map(|git| Some(Remote::Git(git)))
}

fn url(text: &str, name: String) -> Remote {
    Remote::Url(UrlSource { url: text.to_string(), name, checksum: None })
}

fn kind(source: &str) -> Option<Kind> {
    let scheme = source.split_once("://").map(|(scheme, _)| scheme);
    match scheme.filter(|scheme| !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric())) {
        Some(scheme) => match scheme.to_ascii_lowercase().as_str() {
            "ssh" | "git" => Some(Kind::Git),
            // COMPAT: over HTTP only what ends in .git is a repository.
            "http" | "https" if path(source).ends_with(".git") => Some(Kind::Git),
            _ if matches!(scheme, "http" | "https") => Some(Kind::Url),
            _ => None,
        },
        None => is_scp(source).then_some(Kind::Git),
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

/// What the file behind a URL is called in a directory: the last name of the URL's path.
///
/// COMPAT: as in BuildKit nothing that the server says has a part in it.
fn file_name(url: &str) -> String {
    let rest = path(url).split_once("://").map_or("", |(_, rest)| rest);
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    let decoded = percent_decode(path);
    let name = decoded.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    match name {
        "" | "." | ".." => "__unnamed__".to_string(),
        name if name.contains('\0') => "__unnamed__".to_string(),
        name => name.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_repositories_are_told_from_paths() {
        for (source, want) in [
            ("https://example.org/a.tar.gz", Some(Kind::Url)),
            ("https://example.org/a.git", Some(Kind::Git)),
            ("https://example.org/a.git#main:sub", Some(Kind::Git)),
            ("https://example.org/a.git?ref=x", Some(Kind::Git)),
            ("https://example.org/?x=a.git", Some(Kind::Url)),
            ("git@example.org:a/b", Some(Kind::Git)),
            ("ssh://git@example.org/a", Some(Kind::Git)),
            ("git://example.org/a", Some(Kind::Git)),
            ("ftp://example.org/a", None),
            ("file:///a.git", None),
            ("ext::sh -c x", None),
            ("github.com/a/b", None),
            ("./git@x:y", None),
            ("a@b", None),
            ("a:b", None),
            ("HTTP://example.org/a", None),
        ] {
            assert_eq!(kind(source), want, "{source}");
        }
    }

    #[test]
    fn a_context_may_be_a_repository_without_a_scheme() {
        let context = parse_remote_context("github.com/a/b#main").expect("valid");
        assert_eq!(context.map(|remote| remote.to_string()), Some("https://github.com/a/b#main".to_string()));
        assert_eq!(parse_remote_context("./github.com/a"), Ok(None));
    }

    #[test]
    fn a_file_is_named_by_the_path_of_its_url_alone() {
        for (url, want) in [
            ("https://h/a/b.tar.gz?x=/y#z", "b.tar.gz"),
            ("https://h/a%20b", "a b"),
            ("https://h/a%2Fb", "b"),
            ("https://h/a/", "a"),
            ("https://h", "__unnamed__"),
            ("https://h/", "__unnamed__"),
            ("https://h/a/..", "__unnamed__"),
            ("https://h/%2e%2e%2f", "__unnamed__"),
            ("https://h/a%00b", "__unnamed__"),
        ] {
            assert_eq!(file_name(url), want, "{url}");
        }
    }
}
