//! Repositories in a repository: where `.gitmodules` says that they are.

use std::collections::BTreeMap;

use super::tool::Tool;
use crate::source::error::Error;

impl Tool<'_> {
    /// The address of each submodule by its path.
    pub fn submodules(&self, commit: &str, repository: &str) -> Result<BTreeMap<String, String>, Error> {
        let blob = format!("--blob={commit}:.gitmodules");
        let answer = self.run(&[
            "config",
            "-z",
            "--no-includes",
            &blob,
            "--get-regexp",
            r"^submodule\..*\.(path|url)$",
        ])?;
        Ok(addresses(&String::from_utf8_lossy(&answer), repository))
    }
}

/// What `git config -z` answers, as paths with addresses.
fn addresses(answer: &str, repository: &str) -> BTreeMap<String, String> {
    let mut all: BTreeMap<&str, (Option<&str>, Option<&str>)> = BTreeMap::new();
    for record in answer.split('\0') {
        let Some((key, value)) = record.split_once('\n') else { continue };
        let Some((name, field)) = key.rsplit_once('.') else { continue };
        let entry = all.entry(name).or_default();
        match field {
            "path" => entry.0 = Some(value),
            _ => entry.1 = Some(value),
        }
    }
    let complete =
        all.into_values().filter_map(|(path, url)| Some((path?.to_string(), join(repository, url?))));
    complete.collect()
}

/// SPEC: git-submodule: an address that begins with `./` or `../` is relative to the repository's own.
fn join(repository: &str, url: &str) -> String {
    if !url.starts_with("./") && !url.starts_with("../") {
        return url.to_string();
    }
    let mut base = repository.trim_end_matches('/').to_string();
    let mut rest = url;
    loop {
        if let Some(after) = rest.strip_prefix("./") {
            rest = after;
        } else if let Some(after) = rest.strip_prefix("../") {
            rest = after;
            let host = base.find("://").map_or(0, |at| at + 3);
            let cut = base[host..].rfind('/').or_else(|| base[host..].rfind(':')).map(|at| at + host);
            base.truncate(cut.unwrap_or(base.len()));
        } else {
            return format!("{base}/{rest}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_addresses_are_relative_to_the_repository() {
        for (url, want) in [
            ("../b.git", "https://h/me/b.git"),
            ("../../you/b.git", "https://h/you/b.git"),
            ("./b", "https://h/me/a.git/b"),
            ("https://x/y.git", "https://x/y.git"),
            ("ext::sh -c x", "ext::sh -c x"),
        ] {
            assert_eq!(join("https://h/me/a.git", url), want, "{url}");
        }
        assert_eq!(join("git@h:me/a.git", "../b.git"), "git@h:me/b.git");
    }

    #[test]
    fn a_submodule_has_a_path_and_an_address() {
        let answer =
            "submodule.a.b.path\nlib/a\0submodule.a.b.url\nhttps://h/a\0submodule.c.url\nhttps://h/c\0";
        let all = addresses(answer, "https://h/x");
        assert_eq!(all, BTreeMap::from([("lib/a".to_string(), "https://h/a".to_string())]));
    }
}
