//! Where images are, as it is typed: skopeo's transports, and ours.

use std::path::PathBuf;

use super::archive_target::Dialect;
use super::error::Error;
use crate::oci::{Digest, Reference};

/// Where an image is, or is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// No transport: an image of the store, or of a registry.
    Plain(String),
    /// `store:NAME`
    Store(String),
    /// `docker://NAME`
    Registry(Reference),
    /// `oci:DIR[:TAG][@DIGEST]`, `oci-layout://DIR…`
    Layout {
        /// The directory.
        directory: PathBuf,
        /// What the image is called in it.
        name: Option<String>,
        /// Of its manifest or index.
        digest: Option<Digest>,
    },
    /// `oci-archive:FILE[:TAG]`, `docker-archive:FILE[:NAME]`
    Archive {
        /// For which tools.
        dialect: Dialect,
        /// The file; `-` is standard input or output.
        file: PathBuf,
        /// What the image is called in it.
        name: Option<String>,
    },
}

/// What others call transports and we do not have.
const REFUSED: &[(&str, &str)] = &[
    (
        "containers-storage",
        "podman's storage is not read: podman save --format oci-archive NAME | rbuild load",
    ),
    (
        "docker-daemon",
        "docker save NAME | rbuild load brings it here; rbuild save NAME | docker load takes it there",
    ),
    ("dir", "skopeo's own directories are not supported: use oci:DIR"),
    ("ostree", "not supported: use oci:DIR"),
    ("sif", "not supported: use oci-archive:FILE"),
    ("tarball", "a tar of a root file system is read by `rbuild import`"),
    ("http", "images are not read from URLs"),
    ("https", "images are not read from URLs"),
];

impl Place {
    /// Reads what was typed.
    pub fn parse(text: &str) -> Result<Place, Error> {
        let wrong = |reason: &str| Error::Place { text: text.to_string(), reason: reason.to_string() };
        let name = |rest: &str| rest.parse::<Reference>().map_err(|e| wrong(&e.to_string()));
        if let Some(rest) = text.strip_prefix("docker://") {
            return name(rest).map(Place::Registry);
        }
        if let Some(rest) = text.strip_prefix("store:") {
            return match rest.is_empty() {
                true => Err(wrong("a name, a digest or an id is missing after store:")),
                false => Ok(Place::Store(rest.to_string())),
            };
        }
        if let Some(rest) = text.strip_prefix("oci-layout://").or_else(|| text.strip_prefix("oci:")) {
            let (rest, digest) = match rest.rsplit_once('@') {
                Some((rest, digest)) if digest.starts_with("sha256:") => {
                    (rest, Some(digest.parse().map_err(|e: crate::oci::Error| wrong(&e.to_string()))?))
                }
                _ => (rest, None),
            };
            let (directory, name) = split(rest);
            return match directory.is_empty() {
                true => Err(wrong("the directory is missing")),
                false => Ok(Place::Layout { directory: directory.into(), name, digest }),
            };
        }
        for (prefix, dialect) in [("oci-archive:", Dialect::Oci), ("docker-archive:", Dialect::Docker)] {
            if let Some(rest) = text.strip_prefix(prefix) {
                let (file, name) = split(rest);
                return match file.is_empty() {
                    true => Err(wrong("the file is missing")),
                    false => Ok(Place::Archive { dialect, file: file.into(), name }),
                };
            }
        }
        if let Some((_, reason)) = REFUSED.iter().find(|(known, _)| {
            text.strip_prefix(known)
                .is_some_and(|rest| rest.starts_with(':') && !rest[1..].starts_with(char::is_numeric))
        }) {
            return Err(wrong(reason));
        }
        if let Some((transport, _)) = text.split_once("://") {
            return Err(wrong(&format!(
                "{transport}:// is no transport: store:, docker://, oci:, oci-archive: and docker-archive: are"
            )));
        }
        Ok(Place::Plain(text.to_string()))
    }
}

/// `PATH[:NAME]`: the path has no colon, as skopeo has it.
fn split(text: &str) -> (&str, Option<String>) {
    match text.split_once(':') {
        Some((path, name)) if !name.is_empty() => (path, Some(name.to_string())),
        Some((path, _)) => (path, None),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(directory: &str, name: Option<&str>) -> Place {
        Place::Layout { directory: directory.into(), name: name.map(str::to_string), digest: None }
    }

    #[test]
    fn transports_are_spelt_as_skopeo_has_them() {
        let digest = Digest::of(b"");
        let archive = |dialect, file: &str, name: Option<&str>| Place::Archive {
            dialect,
            file: file.into(),
            name: name.map(str::to_string),
        };
        for (text, want) in [
            ("app:1", Place::Plain("app:1".into())),
            ("localhost:5000/app", Place::Plain("localhost:5000/app".into())),
            ("dir:8", Place::Plain("dir:8".into())),
            ("store:app", Place::Store("app".into())),
            ("docker://app:1", Place::Registry("app:1".parse().expect("valid"))),
            ("oci:/a/b", layout("/a/b", None)),
            ("oci:a:1", layout("a", Some("1"))),
            ("oci-layout://a:1", layout("a", Some("1"))),
            ("oci:a:ghcr.io/x/y:1", layout("a", Some("ghcr.io/x/y:1"))),
            ("oci-archive:a.tar:1", archive(Dialect::Oci, "a.tar", Some("1"))),
            ("docker-archive:-", archive(Dialect::Docker, "-", None)),
            ("docker-archive:a.tar:app:1", archive(Dialect::Docker, "a.tar", Some("app:1"))),
        ] {
            assert_eq!(Place::parse(text).expect(text), want, "{text}");
        }
        match Place::parse(&format!("oci:a:1@{digest}")).expect("valid") {
            Place::Layout { name, digest: found, .. } => {
                assert_eq!((name.as_deref(), found), (Some("1"), Some(digest)));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_no_place_is_refused_with_what_to_do() {
        for (text, part) in [
            ("containers-storage:app", "podman save"),
            ("docker-daemon:app:latest", "docker save"),
            ("dir:x", "oci:DIR"),
            ("ftp://x", "no transport"),
            ("oci:", "directory"),
            ("store:", "missing"),
            ("docker://UPPER", "lowercase"),
        ] {
            let error = Place::parse(text).expect_err(text).to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
