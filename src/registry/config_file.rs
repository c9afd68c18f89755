//! The text of Docker's `config.json` and of containers' `auth.json`: which secret is for which registry.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::error::Error;

/// What a file says of one registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// The secret itself.
    Inline(Inline),
    /// The program to ask, and what to ask it for.
    Helper { program: String, server: String },
}

/// A secret that stands in the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Inline {
    Basic { user: String, password: crate::http::Secret },
    Identity(crate::http::Secret),
    Token(crate::http::Secret),
}

/// One file.
#[derive(Clone, Debug)]
pub(super) struct ConfigFile {
    pub path: PathBuf,
    auths: BTreeMap<String, Inline>,
    helpers: BTreeMap<String, String>,
    store: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Text {
    auths: Option<BTreeMap<String, Option<Entry>>>,
    #[serde(rename = "credsStore")]
    store: Option<String>,
    #[serde(rename = "credHelpers")]
    helpers: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

impl ConfigFile {
    /// Reads the text of `path`.
    pub fn parse(path: &Path, text: &str) -> Result<ConfigFile, Error> {
        let wrong = |reason: String| Error::Credentials { path: path.to_path_buf(), reason };
        // No excerpt of the text: it holds secrets.
        let text: Text = serde_json::from_str(text).map_err(|e| {
            wrong(format!("line {}, column {}: not the JSON of a credentials file", e.line(), e.column()))
        })?;
        let mut auths = BTreeMap::new();
        for (key, entry) in text.auths.unwrap_or_default() {
            let secret = entry.unwrap_or_default().secret().map_err(|r| wrong(format!("{key:?}: {r}")))?;
            if let Some(secret) = secret {
                auths.insert(normal(&key), secret);
            }
        }
        let helpers = text.helpers.unwrap_or_default().into_iter().map(|(k, v)| (normal(&k), v)).collect();
        Ok(ConfigFile {
            path: path.to_path_buf(),
            auths,
            helpers,
            store: text.store.filter(|s| !s.is_empty()),
        })
    }

    /// What to do for a repository: the longest path that matches decides, the store comes last.
    pub fn rule(&self, registry: &str, repository: &str) -> Option<Rule> {
        let whole = format!("{registry}/{repository}");
        let mut key = whole.as_str();
        let server = match registry {
            // COMPAT: docker login files Docker Hub under this address.
            "docker.io" => "https://index.docker.io/v1/".to_string(),
            other => other.to_string(),
        };
        loop {
            if let Some(program) = self.helpers.get(key).filter(|p| !p.is_empty()) {
                return Some(Rule::Helper { program: program.clone(), server });
            }
            if let Some(secret) = self.auths.get(key) {
                return Some(Rule::Inline(secret.clone()));
            }
            match key.rsplit_once('/') {
                Some((shorter, _)) => key = shorter,
                None => break,
            }
        }
        let program = self.store.clone()?;
        Some(Rule::Helper { program, server })
    }
}

impl Entry {
    fn secret(self) -> Result<Option<Inline>, &'static str> {
        use crate::http::Secret;
        let some = |text: Option<String>| text.filter(|t| !t.is_empty());
        if let Some(token) = some(self.registrytoken) {
            return Ok(Some(Inline::Token(Secret::new(token))));
        }
        if let Some(token) = some(self.identitytoken) {
            return Ok(Some(Inline::Identity(Secret::new(token))));
        }
        let (user, password) = match some(self.auth) {
            Some(auth) => {
                let bytes = STANDARD.decode(auth.trim()).map_err(|_| "auth is not base64")?;
                let pair = String::from_utf8(bytes).map_err(|_| "auth is not user:password")?;
                let (user, password) = pair.split_once(':').ok_or("auth is not user:password")?;
                // COMPAT: some writers pad with NUL.
                (user.to_string(), password.trim_end_matches('\0').to_string())
            }
            None => match (some(self.username), self.password) {
                (Some(user), Some(password)) => (user, password),
                _ => return Ok(None),
            },
        };
        if user == "<token>" {
            return Ok(Some(Inline::Identity(Secret::new(password))));
        }
        Ok(Some(Inline::Basic { user, password: Secret::new(password) }))
    }
}

/// A key as both kinds of files mean it: Docker writes addresses, containers' tools write `host[/path]`.
pub(super) fn normal(key: &str) -> String {
    let (key, address) = match key.split_once("://") {
        Some((_, rest)) => (rest, true),
        None => (key, false),
    };
    let key = key.trim_end_matches('/');
    let (host, path) = key.split_once('/').unwrap_or((key, ""));
    let host = match host {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        other => other,
    };
    if path.is_empty() || address || matches!(path, "v1" | "v2") {
        host.to_string()
    } else {
        format!("{host}/{path}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> ConfigFile {
        ConfigFile::parse(Path::new("/c.json"), text).expect("valid")
    }

    fn user(rule: Option<Rule>) -> Option<String> {
        match rule {
            Some(Rule::Inline(Inline::Basic { user, .. })) => Some(user),
            _ => None,
        }
    }

    #[test]
    fn docker_hub_is_found_under_each_of_its_names() {
        for key in ["https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io/v2/"]
        {
            let auth = STANDARD.encode("me:pw");
            let it = file(&format!(r#"{{"auths":{{"{key}":{{"auth":"{auth}"}}}}}}"#));
            assert_eq!(user(it.rule("docker.io", "library/x")), Some("me".into()), "{key}");
            assert_eq!(it.rule("other.example", "x"), None);
        }
    }

    #[test]
    fn the_longest_path_wins_and_whole_labels_count() {
        let entry = |u: &str| format!(r#"{{"username":"{u}","password":"p"}}"#);
        let it = file(&format!(
            r#"{{"auths":{{"q.io":{},"q.io/a":{},"q.io/a/b":{}}}}}"#,
            entry("host"),
            entry("a"),
            entry("ab")
        ));
        for (repository, want) in
            [("a/b", "ab"), ("a/b/c", "ab"), ("a/bc", "a"), ("ab", "host"), ("z/a", "host")]
        {
            assert_eq!(user(it.rule("q.io", repository)).as_deref(), Some(want), "{repository}");
        }
    }

    #[test]
    fn helpers_come_before_the_store_and_empty_entries_say_nothing() {
        let it = file(r#"{"auths":{"a.io":{}},"credsStore":"all","credHelpers":{"b.io":"bee"},"other":[1]}"#);
        let asked = |registry: &str| match it.rule(registry, "x") {
            Some(Rule::Helper { program, server }) => format!("{program} {server}"),
            other => format!("{other:?}"),
        };
        assert_eq!(asked("a.io"), "all a.io");
        assert_eq!(asked("b.io"), "bee b.io");
        assert_eq!(asked("docker.io"), "all https://index.docker.io/v1/");
    }

    #[test]
    fn identity_and_registry_tokens_are_told_apart() {
        let it = file(r#"{"auths":{"a":{"auth":"bWU6cHc=","identitytoken":"i"},"b":{"registrytoken":"r"}}}"#);
        assert!(matches!(it.rule("a", "x"), Some(Rule::Inline(Inline::Identity(_)))));
        assert!(matches!(it.rule("b", "x"), Some(Rule::Inline(Inline::Token(_)))));
    }

    #[test]
    fn a_broken_file_is_named_without_its_secrets() {
        for text in [r#"{"auths":{"a":{"auth":"hunter2!"}}}"#, r#"{"auths":"hunter2!""#] {
            let said = ConfigFile::parse(Path::new("/c.json"), text).expect_err("broken").to_string();
            assert!(said.contains("/c.json") && !said.contains("hunter2"), "{said}");
        }
    }
}
