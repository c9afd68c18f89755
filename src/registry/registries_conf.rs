//! `registries.conf`, version 2, and the files beside it. SPEC: containers-registries.conf(5), containers-registries.conf.d(5).

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::daemon_json::read_daemon;
use super::error::Error;
use super::registries::{Mirror, Registries, Rule, When};

/// Where settings may be; read in `cli`.
#[derive(Clone, Debug, Default)]
pub struct SettingsPlaces {
    /// `CONTAINERS_REGISTRIES_CONF`: this file and none beside it.
    pub registries_conf: Option<PathBuf>,
    /// The user's directory of containers' tools: `$XDG_CONFIG_HOME/containers`, else `~/.config/containers`.
    pub user: Option<PathBuf>,
    /// The machine's: `/etc/containers`.
    pub machine: Option<PathBuf>,
    /// Docker's `daemon.json`, the first that is there.
    pub daemon: Vec<PathBuf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct File {
    #[serde(default)]
    registry: Vec<Registry>,
    #[serde(default)]
    aliases: BTreeMap<String, String>,
    #[serde(default)]
    credential_helpers: Vec<String>,
    /// Version 1.
    registries: Option<toml::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Registry {
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    location: String,
    #[serde(default)]
    insecure: bool,
    #[serde(default)]
    blocked: bool,
    #[serde(default)]
    mirror_by_digest_only: bool,
    #[serde(default)]
    mirror: Vec<MirrorText>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct MirrorText {
    #[serde(default)]
    location: String,
    #[serde(default)]
    insecure: bool,
    #[serde(default)]
    pull_from_mirror: String,
}

// LIMIT: settings that people write.
const LARGEST: u64 = 4 << 20;

impl Registries {
    /// Reads the files that there are. A later one replaces what an earlier one says of the same prefix or alias: the
    /// main file (the user's, else the machine's), then the machine's `registries.conf.d`, then the user's.
    pub fn load(places: &SettingsPlaces) -> Result<Registries, Error> {
        let mut all = Registries::default();
        match &places.registries_conf {
            Some(file) => {
                let text = read(file)?.ok_or_else(|| {
                    Error::settings(file, "CONTAINERS_REGISTRIES_CONF names it, and it is not there")
                })?;
                all.add(file, &text)?;
            }
            None => {
                let directories = [&places.user, &places.machine];
                for directory in directories.into_iter().flatten() {
                    let file = directory.join("registries.conf");
                    if let Some(text) = read(&file)? {
                        all.add(&file, &text)?;
                        break;
                    }
                }
                for directory in directories.into_iter().rev().flatten() {
                    for file in drop_ins(&directory.join("registries.conf.d"))? {
                        if let Some(text) = read(&file)? {
                            all.add(&file, &text)?;
                        }
                    }
                }
            }
        }
        for file in &places.daemon {
            if let Some(text) = read(file)? {
                read_daemon(&mut all, file, &text)?;
                break;
            }
        }
        Ok(all)
    }

    /// Adds what one file says.
    pub(super) fn add(&mut self, file: &Path, text: &str) -> Result<(), Error> {
        // No excerpt: one line, without the parser's drawing.
        let parsed: File = toml::from_str(text).map_err(|e| Error::settings(file, &at_line(text, &e)))?;
        if parsed.registries.is_some() {
            return Err(Error::settings(
                file,
                "it is in version 1 of the format ([registries.search] and its like), which containers' tools dropped: \
                 write it with [[registry]] tables",
            ));
        }
        for registry in parsed.registry {
            let rule = registry.rule(file)?;
            self.rules.retain(|known| known.prefix != rule.prefix);
            self.rules.push(rule);
        }
        if !parsed.credential_helpers.is_empty() {
            self.helpers = parsed.credential_helpers;
            self.helpers_file = file.to_path_buf();
        }
        for (name, stands_for) in parsed.aliases {
            if stands_for.is_empty() {
                self.aliases.remove(&name);
                continue;
            }
            check(file, "alias", &stands_for)?;
            if !stands_for.contains('/') {
                return Err(Error::settings(
                    file,
                    &format!("the alias {name:?} stands for {stands_for:?}, which names no registry"),
                ));
            }
            self.aliases.insert(name, stands_for);
        }
        Ok(())
    }
}

impl Registry {
    fn rule(self, file: &Path) -> Result<Rule, Error> {
        let prefix = if self.prefix.is_empty() { &self.location } else { &self.prefix };
        let prefix = prefix.trim_end_matches('/').to_string();
        if prefix.is_empty() {
            return Err(Error::settings(file, "a [[registry]] has neither prefix nor location"));
        }
        let bare = prefix.strip_prefix("*.").unwrap_or(&prefix);
        check(file, "prefix", bare)?;
        if bare.contains('*') {
            return Err(Error::settings(
                file,
                &format!("prefix {prefix:?}: a star may only stand for the first labels: *.example.com"),
            ));
        }
        if !self.location.is_empty() {
            check(file, "location", &self.location)?;
        }
        let mut mirrors = Vec::new();
        for mirror in &self.mirror {
            check(file, "location of a mirror", &mirror.location)?;
            let when = match (mirror.pull_from_mirror.as_str(), self.mirror_by_digest_only) {
                ("" | "all", false) => When::Always,
                ("", true) | ("digest-only", false) => When::Digests,
                ("tag-only", false) => When::Tags,
                ("all" | "digest-only" | "tag-only", true) => {
                    let reason = "pull-from-mirror cannot stand beside mirror-by-digest-only = true";
                    return Err(Error::settings(file, &format!("[[registry]] {prefix}: {reason}")));
                }
                (other, _) => {
                    let reason = "expected all, digest-only or tag-only";
                    return Err(Error::settings(
                        file,
                        &format!("[[registry]] {prefix}: pull-from-mirror = {other:?}: {reason}"),
                    ));
                }
            };
            let location = mirror.location.trim_end_matches('/').to_string();
            mirrors.push(Mirror { location, insecure: mirror.insecure, when });
        }
        let location = self.location.trim_end_matches('/').to_string();
        Ok(Rule {
            location: Some(location).filter(|location| !location.is_empty() && *location != prefix),
            prefix,
            insecure: self.insecure,
            blocked: self.blocked,
            mirrors,
            file: file.display().to_string(),
        })
    }
}

/// A place: `host[:port][/path]`.
fn check(file: &Path, what: &str, place: &str) -> Result<(), Error> {
    let reason = if place.is_empty() {
        "is empty"
    } else if place.contains("://") {
        "has a scheme: leave https:// out, and say insecure = true for plain HTTP"
    } else if place.contains(['@', ' ', '?', '#']) || place.starts_with('/') {
        "is not host[:port][/path]"
    } else if place.split('/').skip(1).any(|part| part.contains(':')) {
        "has a tag, which is not supported"
    } else {
        return Ok(());
    };
    Err(Error::settings(file, &format!("the {what} {place:?} {reason}")))
}

/// `*.conf`, by name.
fn drop_ins(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(e) if is_absent(&e) => return Ok(Vec::new()),
        Err(e) => return Err(Error::settings(directory, &e.to_string())),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| Error::settings(directory, &e.to_string()))?.path();
        if path.extension().is_some_and(|extension| extension == "conf") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<Option<String>, Error> {
    use std::io::Read;
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(e) if is_absent(&e) => return Ok(None),
        Err(e) => return Err(Error::settings(path, &e.to_string())),
    };
    let mut text = String::new();
    file.take(LARGEST).read_to_string(&mut text).map_err(|e| Error::settings(path, &e.to_string()))?;
    Ok(Some(text))
}

/// Under sudo or in a container, somebody else's home is as good as none.
fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::NotADirectory)
}

fn at_line(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    let message = error.message().replace('\n', ", ");
    line.map_or(message.clone(), |line| format!("line {line}: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Reference;

    fn parsed(text: &str) -> Result<Registries, Error> {
        let mut all = Registries::default();
        all.add(Path::new("r.conf"), text).map(|()| all)
    }

    fn sites(all: &Registries, name: &str) -> Vec<String> {
        let reference: Reference = name.parse().expect("valid");
        let sites = all.sites(&reference).expect("not blocked");
        sites
            .iter()
            .map(|s| format!("{}{}", s.reference, if s.insecure { " insecure" } else { "" }))
            .collect()
    }

    #[test]
    fn every_key_of_a_registry_is_understood() {
        let all = parsed(
            r#"
            unqualified-search-registries = ["docker.io", "quay.io"]
            short-name-mode = "enforcing"
            [[registry]]
            prefix = "example.com/foo"
            insecure = false
            blocked = false
            location = "internal.example/bar"
            [[registry.mirror]]
            location = "m1.example/mirrored"
            [[registry.mirror]]
            location = "m2.example:5000/m"
            insecure = true
            pull-from-mirror = "digest-only"
            [[registry]]
            prefix = "*.corp.example"
            insecure = true
            [[registry]]
            location = "self.example"
            mirror-by-digest-only = true
            mirror = [{ location = "m3.example" }]
            [aliases]
            "app" = "reg.example/app"
            "#,
        )
        .expect("valid");
        let digest = format!("sha256:{:064}", 0);
        assert_eq!(
            sites(&all, "example.com/foo/x:1"),
            ["m1.example/mirrored/x:1", "internal.example/bar/x:1"]
        );
        assert_eq!(
            sites(&all, &format!("example.com/foo@{digest}")),
            [
                format!("m1.example/mirrored@{digest}"),
                format!("m2.example:5000/m@{digest} insecure"),
                format!("internal.example/bar@{digest}")
            ]
        );
        assert_eq!(sites(&all, "a.corp.example/x:1"), ["a.corp.example/x:1 insecure"]);
        assert_eq!(sites(&all, "self.example/x:1"), ["self.example/x:1"]);
        assert_eq!(all.alias("app:2").map(|a| a.to_string()).as_deref(), Some("reg.example/app:2"));
    }

    #[test]
    fn what_cannot_be_is_refused_with_file_and_line() {
        for (text, want) in [
            ("[registries.search]\nregistries = ['docker.io']\n", "version 1"),
            ("[registries.insecure]\nregistries = []\n", "version 1"),
            ("a = 1\n[[registry]\n", "line 2"),
            ("[[registry]]\ninsecure = true\n", "neither prefix nor location"),
            ("[[registry]]\nlocation = 'https://x.example'\n", "https://"),
            ("[[registry]]\nprefix = 'a.*.example'\n", "star"),
            ("[[registry]]\nprefix = 'a.example/x:1'\n", "tag"),
            ("[[registry]]\nprefix = 'a.example'\n[[registry.mirror]]\ninsecure = true\n", "is empty"),
            (
                "[[registry]]\nprefix='a.example'\nmirror-by-digest-only=true\nmirror=[{location='m',pull-from-mirror='all'}]\n",
                "cannot stand beside",
            ),
            (
                "[[registry]]\nprefix='a.example'\nmirror=[{location='m',pull-from-mirror='some'}]\n",
                "digest-only",
            ),
            ("[aliases]\nx = 'plain'\n", "names no registry"),
            ("[[registry]]\nprefix = 'a.example'\ninsecure = 'yes'\n", "line 3"),
        ] {
            let said = parsed(text).expect_err(text).to_string();
            assert!(said.contains("r.conf") && said.contains(want), "{text}: {said}");
        }
    }

    #[test]
    fn files_are_read_in_order_and_later_ones_replace() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let put = |path: &str, prefix: &str, location: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().expect("has one")).expect("made");
            let text = format!(
                "[[registry]]\nprefix = '{prefix}.example'\nlocation = '{location}'\n[aliases]\n{prefix} = 'x.example/{location}'\n"
            );
            fs::write(path, text).expect("written");
        };
        put("etc/registries.conf", "a", "etc");
        put("etc/registries.conf.d/10.conf", "b", "etc10");
        put("etc/registries.conf.d/20.conf", "b", "etc20");
        put("etc/registries.conf.d/30.txt", "b", "never");
        put("home/registries.conf.d/00.conf", "c", "home");
        put("only.conf", "d", "only");
        let mut places = SettingsPlaces {
            user: Some(dir.path().join("home")),
            machine: Some(dir.path().join("etc")),
            ..SettingsPlaces::default()
        };
        let ask = |places: &SettingsPlaces, prefix: &str| {
            let all = Registries::load(places).expect("loads");
            let moved = sites(&all, &format!("{prefix}.example/x:1")).remove(0);
            moved.split('/').next().expect("one").to_string()
        };
        assert_eq!(ask(&places, "a"), "etc");
        assert_eq!(ask(&places, "b"), "etc20");
        assert_eq!(ask(&places, "c"), "home");
        put("home/registries.conf", "z", "home");
        assert_eq!(ask(&places, "a"), "a.example", "the user's file replaces the machine's");
        assert_eq!(ask(&places, "b"), "etc20", "but not what is beside it");
        places.registries_conf = Some(dir.path().join("only.conf"));
        assert_eq!((ask(&places, "d").as_str(), ask(&places, "b").as_str()), ("only", "b.example"));
        places.registries_conf = Some(dir.path().join("gone.conf"));
        assert!(Registries::load(&places).expect_err("named").to_string().contains("gone.conf"));
    }
}
