//! Files that are elsewhere: behind a URL, or in a git repository.

use std::fmt;

use crate::oci::Digest;

/// Files that are fetched before a key can be made of them. `Display` shows no password.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Remote {
    /// One file over HTTP.
    Url(UrlSource),
    /// A commit's files.
    Git(GitSource),
}

/// One file over HTTP: a tree with nothing but that file in it, 0600.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UrlSource {
    /// As it was written, user info included.
    pub url: String,
    /// What the file is called in its tree; one name.
    pub name: String,
    /// What it must be.
    pub checksum: Option<Digest>,
}

/// A commit's files, or those of one directory in it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GitSource {
    /// Where the repository is, as git takes it, user info included.
    pub repository: String,
    /// A branch, a tag, a full name below `refs/` or a commit; none for the default branch.
    pub reference: Option<String>,
    /// Relative and clean; empty for all of it.
    pub subdirectory: String,
    /// What the commit's (or the tag's) name must begin with.
    pub checksum: Option<String>,
    /// Whether `checksum` is the commit, whatever the reference says.
    pub by_commit: bool,
    /// Whether there is to be a `.git`.
    pub keep_git_dir: bool,
    /// Whether repositories in the repository come along; where nothing was said, they do.
    pub submodules: Option<bool>,
    /// Whether files have the commit's time.
    pub commit_time: bool,
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Remote::Url(url) => url.fmt(f),
            Remote::Git(git) => git.fmt(f),
        }
    }
}

impl fmt::Display for UrlSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_password(&self.url))
    }
}

impl fmt::Debug for UrlSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} {} {:?}", self.name, self.checksum)
    }
}

impl fmt::Display for GitSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_password(&self.repository))?;
        if self.reference.is_some() || !self.subdirectory.is_empty() {
            write!(f, "#{}", self.reference.as_deref().unwrap_or_default())?;
        }
        if !self.subdirectory.is_empty() {
            write!(f, ":{}", self.subdirectory)?;
        }
        Ok(())
    }
}

impl fmt::Debug for GitSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let GitSource { checksum, by_commit, keep_git_dir, submodules, commit_time, .. } = self;
        write!(f, "{self} {checksum:?} {by_commit} {keep_git_dir} {submodules:?} {commit_time}")
    }
}

/// An address as it can be shown: `user:password@` is left out; a user alone stays where SSH needs it.
///
/// CVE-2023-26054: a password in a URL went into records that were published.
pub fn without_password(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_string() };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let Some((user, host)) = authority.rsplit_once('@') else { return address.to_string() };
    let user = match scheme {
        "ssh" => format!("{}@", user.split(':').next().unwrap_or_default()),
        _ => String::new(),
    };
    format!("{scheme}://{user}{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cve_2023_26054_a_password_in_an_address_is_never_shown() {
        for (address, want) in [
            ("https://me:secret@h/a.git?x#y", "https://h/a.git?x#y"),
            ("https://token@h/a@b", "https://h/a@b"),
            ("ssh://git:secret@h/a", "ssh://git@h/a"),
            ("git@h:a/b", "git@h:a/b"),
            ("https://h/a@b:c", "https://h/a@b:c"),
            ("https://me:a@b@h", "https://h"),
        ] {
            assert_eq!(without_password(address), want);
        }
        let source = UrlSource { url: "https://me:secret@h/x".into(), name: "x".into(), checksum: None };
        let remote = Remote::Url(source);
        assert!(!format!("{remote} {remote:?}").contains("secret"));
    }
}
