//! The address of a git repository with what is wanted of it, in the fragment form and the query form.

use super::paths;
use super::percent::percent_decode;
use crate::graph::{GitSource, without_password};

/// Reads an address that is known to be a repository's: `repository[?query][#reference[:directory]]`.
pub(super) fn parse(text: &str) -> Result<GitSource, String> {
    let (address, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (repository, query) = address.split_once('?').unwrap_or((address, ""));
    check_repository(repository)?;
    let fragment = percent_decode(fragment);
    let (reference, subdirectory) = fragment.split_once(':').unwrap_or((&fragment, ""));
    let mut git = GitSource {
        repository: repository.to_string(),
        reference: Some(reference.to_string()).filter(|reference| !reference.is_empty()),
        subdirectory: relative(subdirectory),
        checksum: None,
        by_commit: false,
        keep_git_dir: false,
        submodules: None,
        commit_time: false,
    };
    read_query(query, &mut git)?;
    if let Some(reference) = &git.reference {
        check_reference(reference)?;
    }
    if let Some(checksum) = &git.checksum {
        check_checksum(checksum)?;
    }
    if git.by_commit && !git.checksum.as_deref().is_some_and(is_commit) {
        return Err("fetch-by-commit needs a checksum that is a whole commit".to_string());
    }
    Ok(git)
}

/// Whether this is the whole name of a commit.
fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Whether a checksum is one, or begins one.
pub(super) fn check_checksum(text: &str) -> Result<(), String> {
    match !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        true => Ok(()),
        false => Err(format!("invalid checksum {text}: expected the hexadecimal name of a commit")),
    }
}

fn read_query(query: &str, git: &mut GitSource) -> Result<(), String> {
    let (mut tag, mut branch) = (None, None);
    let mut seen = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (percent_decode(name), percent_decode(&value.replace('+', " ")));
        if seen.contains(&name) {
            return Err(format!("query {name:?} has multiple values"));
        }
        let flag = || match value.as_str() {
            "" | "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
            _ => Err(format!("invalid {name} value: {value:?}")),
        };
        match name.as_str() {
            "submodules" => git.submodules = Some(flag()?),
            "keep-git-dir" => git.keep_git_dir = flag()?,
            "fetch-by-commit" => git.by_commit = flag()?,
            "ref" | "tag" | "branch" | "subdir" | "checksum" | "commit" | "mtime" if value.is_empty() => {
                return Err(format!("query {name:?} has no value"));
            }
            "ref" => settle_reference(git, value)?,
            "tag" => tag = Some(value),
            "branch" => branch = Some(value),
            "subdir" => {
                let directory = relative(&value);
                if !git.subdirectory.is_empty() && git.subdirectory != directory {
                    return Err(format!("subdir conflicts: {:?} vs {value:?}", git.subdirectory));
                }
                git.subdirectory = directory;
            }
            "checksum" | "commit" => {
                if git.checksum.as_ref().is_some_and(|checksum| *checksum != value) {
                    return Err("checksum and commit conflict".to_string());
                }
                git.checksum = Some(value);
            }
            "mtime" => match value.as_str() {
                "checkout" => git.commit_time = false,
                "commit" => git.commit_time = true,
                _ => {
                    return Err(format!(
                        "invalid mtime value: {value:?} (must be \"checkout\" or \"commit\")"
                    ));
                }
            },
            _ => return Err(format!("unexpected query {name:?}")),
        }
        seen.push(name);
    }
    if tag.is_some() && branch.is_some() {
        return Err("branch conflicts with tag".to_string());
    }
    for (prefix, name) in [("refs/tags/", tag), ("refs/heads/", branch)] {
        let Some(name) = name else { continue };
        let name = name.strip_prefix(prefix).unwrap_or(&name);
        settle_reference(git, format!("{prefix}{name}"))?;
    }
    Ok(())
}

fn settle_reference(git: &mut GitSource, reference: String) -> Result<(), String> {
    match &git.reference {
        Some(other) if *other != reference => Err(format!("ref conflicts: {other:?} vs {reference:?}")),
        _ => {
            git.reference = Some(reference);
            Ok(())
        }
    }
}

/// A directory of the repository: `..` stops at its root.
fn relative(path: &str) -> String {
    paths::clean(path).trim_start_matches('/').to_string()
}

/// What git would take for an option, or hand to a shell or to ssh as one, is no repository.
fn check_repository(repository: &str) -> Result<(), String> {
    let refuse = |reason: &str| Err(format!("{}: {reason}", without_password(repository)));
    if repository.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return refuse("the address of a repository holds a blank or a control character");
    }
    let rest = repository.split_once("://").map_or(repository, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    if host.is_empty() {
        return refuse("the address of a repository has no host");
    }
    // CVE-2017-1000117: a host that begins with a dash was an option of ssh.
    if rest.starts_with('-') || host.starts_with('-') || path.starts_with('-') {
        return refuse("a part of the address begins with a dash and could be taken for an option");
    }
    Ok(())
}

/// SPEC: git check-ref-format. CVE-2025-21613 and its like: a name that begins with a dash was an option.
fn check_reference(name: &str) -> Result<(), String> {
    let bad_character = |c: char| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c);
    let bad_part = |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with(".lock");
    let bad = name.starts_with('-')
        || name.contains("..")
        || name.contains("@{")
        || name.ends_with('.')
        || name == "@"
        || name.chars().any(bad_character)
        || name.split('/').any(bad_part);
    if bad { Err(format!("invalid git reference {name:?}")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fragment_and_the_query_say_the_same() {
        let fragment = parse("https://h/a.git#main:x/../y").expect("valid");
        assert_eq!((fragment.reference.as_deref(), fragment.subdirectory.as_str()), (Some("main"), "y"));
        assert_eq!(parse("https://h/a.git?ref=main&subdir=/y/").expect("valid"), fragment);
        let query = "https://h/a.git?tag=v1&checksum=abc&keep-git-dir&submodules=false&mtime=commit#refs/tags/v1:../up";
        let all = parse(query).expect("valid");
        assert_eq!(all.reference.as_deref(), Some("refs/tags/v1"));
        assert_eq!((all.repository.as_str(), all.subdirectory.as_str()), ("https://h/a.git", "up"));
        assert_eq!(all.checksum.as_deref(), Some("abc"));
        assert!(all.keep_git_dir && all.commit_time && all.submodules == Some(false));
        let scp = parse("git@h:a/b#:sub").expect("valid");
        assert_eq!(
            (scp.repository.as_str(), scp.reference, scp.subdirectory.as_str()),
            ("git@h:a/b", None, "sub")
        );
    }

    #[test]
    fn contradictions_and_unknown_words_are_refused() {
        for (text, why) in [
            ("https://h/a.git?ref=x#y", "ref conflicts"),
            ("https://h/a.git?tag=x&branch=y", "branch conflicts with tag"),
            ("https://h/a.git?subdir=x#:y", "subdir conflicts"),
            ("https://h/a.git?ref=", "has no value"),
            ("https://h/a.git?ref=a&ref=a", "multiple values"),
            ("https://h/a.git?depth=1", "unexpected query"),
            ("https://h/a.git?mtime=now", "invalid mtime"),
            ("https://h/a.git?submodules=maybe", "invalid submodules"),
            ("https://h/a.git?checksum=main", "invalid checksum"),
            ("https://h/a.git?fetch-by-commit&checksum=abc", "fetch-by-commit needs"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn cve_2025_21613_what_could_be_an_option_is_no_reference() {
        for name in
            ["--upload-pack=x", "-x", "../../HEAD", "a..b", "a b", "a:b", "a//b", ".a", "a.lock", "@{1}"]
        {
            let text = format!("https://h/a.git?ref={name}");
            assert!(parse(&text).is_err(), "{name}");
        }
        for name in
            ["main", "refs/pull/1/head", "v1.0", "feature/x-y", "0123456789012345678901234567890123456789"]
        {
            assert!(parse(&format!("https://h/a.git#{name}")).is_ok(), "{name}");
        }
    }

    #[test]
    fn cve_2017_1000117_what_could_be_an_option_is_no_host() {
        for text in
            ["ssh://-oProxyCommand=x/a", "ssh://git@-oProxyCommand=x/a", "git://h/-x", "https:///a.git"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
        let error = parse("https://me:secret@h/a b.git").expect_err("a blank");
        assert!(!error.contains("secret"), "{error}");
    }
}
