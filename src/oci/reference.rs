//! Image references: registry, repository, tag and digest, by Docker's rules.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::digest::Digest;
use super::error::Error;

/// A reference, with Docker's defaults filled in. SPEC: distribution's reference grammar; the registry is the part
/// before the first `/` if it holds a `.` or a `:`, is `localhost`, or has an upper-case letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// Host and port, such as `docker.io` or `[::1]:5000`.
    pub registry: String,
    /// Such as `library/busybox`.
    pub repository: String,
    /// None where only a digest was given; `latest` where neither was.
    pub tag: Option<String>,
    /// What the reference is pinned to.
    pub digest: Option<Digest>,
}

const DEFAULT_REGISTRY: &str = "docker.io";

impl Reference {
    /// The name as people write it: `busybox:latest` for `docker.io/library/busybox:latest`.
    pub fn familiar(&self) -> String {
        let full = self.to_string();
        let short = full.strip_prefix("docker.io/").unwrap_or(&full);
        short.strip_prefix("library/").unwrap_or(short).to_string()
    }

    /// Registry and repository, without tag or digest.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// The same repository at another tag.
    pub fn with_tag(&self, tag: &str) -> Reference {
        Reference { tag: Some(tag.to_string()), digest: None, ..self.clone() }
    }

    /// Whether the registry is this machine, so that plain HTTP is allowed.
    pub fn is_loopback(&self) -> bool {
        let host = match self.registry.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => self.registry.split(':').next().unwrap_or_default(),
        };
        host == "localhost" || host.parse::<core::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Reference, Error> {
        let wrong =
            |reason: &str| Error::Reference { reference: text.to_string(), reason: reason.to_string() };
        if text.is_empty() {
            return Err(wrong("it is empty"));
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse().map_err(|e: Error| wrong(&e.to_string()))?)),
            None => (text, None),
        };
        let (registry, rest) = match rest.split_once('/') {
            Some((first, tail)) if names_a_registry(first) => (first, tail),
            _ => (DEFAULT_REGISTRY, rest),
        };
        let (repository, tag) = match rest.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (rest, None),
        };
        // `index.docker.io` is an old name of the same registry.
        let registry = if registry == "index.docker.io" { DEFAULT_REGISTRY } else { registry };
        if !is_host(registry) {
            return Err(wrong(&format!("{registry:?} is not a host name with an optional port")));
        }
        if repository.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(wrong("repository name must be lowercase"));
        }
        if !repository.split('/').all(is_component) {
            return Err(wrong(&format!(
                "repository {repository:?} must be lower-case letters, digits and single separators (. _ __ -), in parts joined by /"
            )));
        }
        if let Some(tag) = tag
            && !is_tag(tag)
        {
            return Err(wrong(&format!("tag {tag:?} must be up to 128 letters, digits, _, . and -")));
        }
        let repository = match registry == DEFAULT_REGISTRY && !repository.contains('/') {
            true => format!("library/{repository}"),
            false => repository.to_string(),
        };
        // LIMIT: distribution's reference grammar.
        if registry.len() + 1 + repository.len() > 255 {
            return Err(wrong("the name is longer than 255 characters"));
        }
        let tag = match (tag, &digest) {
            (Some(tag), _) => Some(tag.to_string()),
            (None, Some(_)) => None,
            (None, None) => Some("latest".to_string()),
        };
        Ok(Reference { registry: registry.to_string(), repository, tag, digest })
    }
}

fn names_a_registry(first: &str) -> bool {
    first == "localhost" || first.contains(['.', ':']) || first.bytes().any(|b| b.is_ascii_uppercase())
}

fn is_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((ip, port)) if ip.parse::<core::net::Ipv6Addr>().is_ok() => {
                ("v6", port.strip_prefix(':').or(if port.is_empty() { None } else { Some("") }))
            }
            _ => return false,
        },
        None => match host.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, None),
        },
    };
    let label = |l: &str| {
        !l.is_empty()
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    name.split('.').all(label) && port.is_none_or(|p| p.parse::<u16>().is_ok())
}

fn is_component(component: &str) -> bool {
    let mut separator = String::new();
    let mut seen = false;
    for c in component.chars() {
        match c {
            'a'..='z' | '0'..='9' => {
                if !seen && !separator.is_empty() || !separator_is_fine(&separator) {
                    return false;
                }
                separator.clear();
                seen = true;
            }
            '.' | '_' | '-' => separator.push(c),
            _ => return false,
        }
    }
    seen && separator.is_empty()
}

fn separator_is_fine(separator: &str) -> bool {
    matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|b| b == b'-')
}

fn is_tag(tag: &str) -> bool {
    let mut bytes = tag.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_')
        && tag.len() <= 128
        && bytes.all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

impl Serialize for Reference {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Reference, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_hub_is_the_default_and_library_its_default_namespace() {
        for (text, want) in [
            ("app", "docker.io/library/app:latest"),
            ("app:1", "docker.io/library/app:1"),
            ("me/app", "docker.io/me/app:latest"),
            ("docker.io/app", "docker.io/library/app:latest"),
            ("index.docker.io/app", "docker.io/library/app:latest"),
            ("localhost/app", "localhost/app:latest"),
            ("localhost:5000/a/b:c", "localhost:5000/a/b:c"),
            ("[::1]:5000/a", "[::1]:5000/a:latest"),
            ("ghcr.io/x/y", "ghcr.io/x/y:latest"),
            ("UPPER/x", "UPPER/x:latest"),
        ] {
            assert_eq!(text.parse::<Reference>().map(|r| r.to_string()), Ok(want.to_string()), "{text}");
        }
    }

    #[test]
    fn a_digest_alone_brings_no_tag() {
        let digest = Digest::of(b"");
        let reference: Reference = format!("app@{digest}").parse().expect("valid");
        assert_eq!((reference.tag, reference.digest), (None, Some(digest)));
        let both: Reference = format!("app:1@{digest}").parse().expect("valid");
        assert_eq!(both.familiar(), format!("app:1@{digest}"));
        let far: Reference = format!("[2001:db8::1]:5000/team/app:1@{digest}").parse().expect("valid");
        assert_eq!(
            (far.registry.as_str(), far.repository.as_str(), far.tag.as_deref(), far.digest),
            ("[2001:db8::1]:5000", "team/app", Some("1"), Some(digest))
        );
    }

    #[test]
    fn malformed_names_are_refused() {
        for text in [
            "",
            "App",
            "a//b",
            "a:b:c/d",
            "a_-b",
            "-a",
            "a-",
            "a:-x",
            "a/b:",
            "a@sha256:12",
            "h:99999/a",
            "[::1/a",
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn loopback_hosts_are_known() {
        for (text, want) in [
            ("localhost:5000/a", true),
            ("127.0.0.1:5/a", true),
            ("[::1]:5/a", true),
            ("example.org/a", false),
        ] {
            assert_eq!(text.parse::<Reference>().expect("valid").is_loopback(), want, "{text}");
        }
    }
}
