//! How git reaches repositories and as whom: all that it is told from outside.

use std::path::PathBuf;

use crate::http::{Proxies, Secret, Trust};

/// How git reaches repositories.
#[derive(Clone, Debug, Default)]
pub struct GitAccess {
    /// Where programs are: `PATH`.
    pub path: std::ffi::OsString,
    /// The user's known hosts of SSH, which a server may not contradict.
    pub known_hosts: Option<PathBuf>,
    /// Proxies.
    pub proxies: Proxies,
    /// Root certificates.
    pub trust: Trust,
    /// The values of `Authorization` by host; the empty name is for every host.
    pub authorization: Vec<(String, Secret)>,
    /// The socket of an SSH agent.
    pub agent: Option<PathBuf>,
}

impl GitAccess {
    /// What is shown to the host of `repository`: its own secret, else the one for all.
    pub(super) fn authorization(&self, repository: &str) -> Option<&Secret> {
        let host = host(repository)?;
        let of =
            |name: &str| self.authorization.iter().find(|(host, _)| host == name).map(|(_, secret)| secret);
        of(&host).or_else(|| of(""))
    }

    /// The same for a repository that another one names: the secret for every host is for hosts that the user chose.
    pub(super) fn for_submodule(&self, address: &str, repository: &str) -> GitAccess {
        let mut access = self.clone();
        if host(address) != host(repository) {
            access.authorization.retain(|(host, _)| !host.is_empty());
        }
        access
    }
}

/// The host of an HTTP address, in lower case, with its port if one is written.
fn host(repository: &str) -> Option<String> {
    let (scheme, rest) = repository.split_once("://")?;
    if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
        return None;
    }
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    Some(host.to_ascii_lowercase())
}

/// An address without its user info over HTTP, and that user info as a value of `Authorization`: what stands in an
/// argument can be read by everybody on the machine.
pub(super) fn without_user_info(repository: &str) -> (String, Option<Secret>) {
    let kept = || (repository.to_string(), None);
    let Some((scheme, rest)) = repository.split_once("://") else { return kept() };
    if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
        return kept();
    }
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let Some((user_info, host)) = authority.rsplit_once('@') else { return kept() };
    let authorization = crate::http::Url::parse(&format!("https://{user_info}@host/"))
        .ok()
        .and_then(|url| crate::http::Request::get(url).authorization);
    (format!("{scheme}://{host}{path}"), authorization)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_for_its_host_or_for_all() {
        let authorization =
            vec![(String::new(), Secret::new("all")), ("h.example".to_string(), Secret::new("own"))];
        let access = GitAccess { authorization, ..GitAccess::default() };
        let shown =
            |repository: &str| access.authorization(repository).map(|secret| secret.reveal().to_string());
        assert_eq!(shown("https://me@H.example/a.git").as_deref(), Some("own"));
        assert_eq!(shown("https://other.example/a.git").as_deref(), Some("all"));
        assert_eq!(shown("https://h.example:444/a.git").as_deref(), Some("all"));
        assert_eq!(shown("ssh://h.example/a.git"), None);
        assert_eq!(shown("git@h.example:a.git"), None);
    }

    #[test]
    fn the_secret_for_all_is_not_shown_to_hosts_that_a_repository_names() {
        let authorization =
            vec![(String::new(), Secret::new("all")), ("h.example".to_string(), Secret::new("own"))];
        let access = GitAccess { authorization, ..GitAccess::default() };
        let shown = |address: &str| {
            let access = access.for_submodule(address, "https://me.example/a.git");
            access.authorization(address).map(|secret| secret.reveal().to_string())
        };
        assert_eq!(shown("https://me.example/b.git").as_deref(), Some("all"));
        assert_eq!(shown("https://evil.example/b.git"), None);
        assert_eq!(shown("https://h.example/b.git").as_deref(), Some("own"));
    }

    #[test]
    fn user_info_leaves_the_address() {
        let (address, secret) = without_user_info("https://me:p%40ss@h/a@b.git");
        assert_eq!((address.as_str(), secret), ("https://h/a@b.git", Some(Secret::basic("me", "p@ss"))));
        assert_eq!(without_user_info("ssh://git@h/a"), ("ssh://git@h/a".to_string(), None));
    }
}
