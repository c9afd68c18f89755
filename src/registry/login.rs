//! Logging in and out: checking a password with its registry, and keeping it where docker keeps it.

use std::fs::{self, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::client::Client;
use super::config_file::normal;
use super::credentials::Places;
use super::document::refusal_detail;
use super::error::Error;
use super::helper;
use super::session::{Ask, Place, Right};
use crate::http::{Method, Secret};
use crate::oci::Reference;

/// Where a login is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// In a file, readable by its owner alone.
    File(PathBuf),
    /// By `docker-credential-NAME`.
    Helper(String),
}

impl Client {
    /// Whether the registry of `any` takes the credentials that this client has; any repository of it will do.
    pub fn check_login(&self, any: &Reference) -> Result<(), Error> {
        let site = self.0.settings.home(any)?;
        let url = self.0.session.home(&site)?;
        let what = format!("logging in to {}", any.registry);
        let place = Place::Address(url);
        let ask = Ask { place, right: Right::Nothing, ..Ask::new(Method::GET, String::new(), &what) };
        let hint = || "user name or password are wrong".to_string();
        match self.0.session.send(&site, &ask) {
            Ok(response) if response.status == 200 => Ok(()),
            Ok(response) if response.status == 404 => {
                Err(Error::NotFound { what, detail: refusal_detail(response) })
            }
            Ok(response) => Err(Error::Refused { what, source: response.refusal() }),
            Err(Error::Denied { detail, .. }) => Err(Error::Denied { what, detail, hint: hint() }),
            Err(error) => Err(error),
        }
    }
}

/// Keeps a password: with the helper that the configuration names for the registry, else in its file.
pub fn keep_login(places: &Places, registry: &str, user: &str, password: &Secret) -> Result<Kept, Error> {
    let path = file(places)?;
    let mut config = read(&path)?;
    if let Some(name) = helper_of(&config, registry) {
        let input = json!({ "ServerURL": key(registry), "Username": user, "Secret": password.reveal() });
        helper::tell(&name, "store", &input.to_string(), &search(places), &path)?;
        // A password that stands in the file would still be there for everybody to read.
        if forget(&mut config, registry) {
            write(&path, &config)?;
        }
        return Ok(Kept::Helper(name));
    }
    forget(&mut config, registry);
    let auth = STANDARD.encode(format!("{user}:{}", password.reveal()));
    let auths = config.entry("auths").or_insert_with(|| json!({}));
    let auths = auths.as_object_mut().ok_or_else(|| wrong(&path, "auths is no object"))?;
    auths.insert(key(registry), json!({ "auth": auth }));
    write(&path, &config)?;
    Ok(Kept::File(path))
}

/// Forgets what is kept for a registry; says whether there was anything.
pub fn forget_login(places: &Places, registry: &str) -> Result<bool, Error> {
    let path = file(places)?;
    let mut config = read(&path)?;
    let mut known = forget(&mut config, registry);
    if known {
        write(&path, &config)?;
    }
    if let Some(name) = helper_of(&config, registry) {
        helper::tell(&name, "erase", &key(registry), &search(places), &path)?;
        known = true;
    }
    Ok(known)
}

/// COMPAT: docker files Docker Hub under this address.
fn key(registry: &str) -> String {
    match registry {
        "docker.io" => "https://index.docker.io/v1/".to_string(),
        other => other.to_string(),
    }
}

fn file(places: &Places) -> Result<PathBuf, Error> {
    let docker = places.docker_config.clone().or_else(|| Some(places.home.as_ref()?.join(".docker")));
    let path = places.registry_auth_file.clone().or_else(|| Some(docker?.join("config.json")));
    let path =
        path.ok_or_else(|| wrong(Path::new("config.json"), "neither HOME nor DOCKER_CONFIG is set"))?;
    // What a symbolic link points to is replaced, not the link.
    Ok(fs::canonicalize(&path).unwrap_or(path))
}

fn search(places: &Places) -> Vec<PathBuf> {
    places.path.as_ref().map(helper::directories).unwrap_or_default()
}

fn helper_of(config: &Map<String, Value>, registry: &str) -> Option<String> {
    let helpers = config.get("credHelpers").and_then(Value::as_object);
    let own = helpers.and_then(|h| h.iter().find(|(host, _)| normal(host) == registry)).map(|(_, name)| name);
    let name = own.or_else(|| config.get("credsStore"))?.as_str()?;
    Some(name.to_string()).filter(|name| !name.is_empty())
}

fn forget(config: &mut Map<String, Value>, registry: &str) -> bool {
    let Some(auths) = config.get_mut("auths").and_then(Value::as_object_mut) else { return false };
    let before = auths.len();
    auths.retain(|host, _| normal(host) != registry);
    auths.len() < before
}

fn wrong(path: &Path, reason: impl ToString) -> Error {
    Error::Credentials { path: path.to_path_buf(), reason: reason.to_string() }
}

fn read(path: &Path) -> Result<Map<String, Value>, Error> {
    match fs::read_to_string(path) {
        Ok(text) if text.trim().is_empty() => Ok(Map::new()),
        // No excerpt of the text: it holds secrets.
        Ok(text) => serde_json::from_str(&text).map_err(|e| {
            wrong(
                path,
                format!("line {}, column {}: not the JSON of a credentials file", e.line(), e.column()),
            )
        }),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(Map::new()),
        Err(e) => Err(wrong(path, e)),
    }
}

/// Whole or not at all, and never readable by others.
fn write(path: &Path, config: &Map<String, Value>) -> Result<(), Error> {
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let text = serde_json::to_string_pretty(config).expect("an object is JSON") + "\n";
    let write = || -> std::io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let private = Permissions::from_mode(0o600);
        let mut file = tempfile::Builder::new().permissions(private).tempfile_in(directory)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|e| wrong(path, e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{Credential, Credentials};

    #[test]
    fn a_login_is_found_again_kept_private_and_forgotten() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let places = Places { docker_config: Some(dir.path().join("new")), ..Places::default() };
        let path = dir.path().join("new/config.json");
        for host in ["docker.io", "h.example:5000"] {
            let kept = keep_login(&places, host, "me", &Secret::new("p:w".to_string())).expect("kept");
            assert_eq!(kept, Kept::File(path.clone()));
            let found = Credentials::load(&places).expect("read").lookup(host, "a/b").expect("looked up");
            let password = Secret::new("p:w".to_string());
            assert_eq!(found, Some(Credential::Basic { user: "me".to_string(), password }), "{host}");
        }
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        assert!(forget_login(&places, "docker.io").expect("forgotten"));
        assert!(!forget_login(&places, "docker.io").expect("nothing there"));
        let credentials = Credentials::load(&places).expect("read");
        assert_eq!(credentials.lookup("docker.io", "a").expect("looked up"), None);
        assert!(credentials.lookup("h.example:5000", "a").expect("looked up").is_some());
    }

    #[test]
    fn what_else_the_file_says_stays_and_a_broken_file_is_left_alone() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("config.json");
        let places = Places { docker_config: Some(dir.path().into()), ..Places::default() };
        fs::write(&path, r#"{"proxies":{"default":{}},"auths":{"https://a.example/v2/":{"auth":"eDp5"}}}"#)
            .expect("written");
        keep_login(&places, "a.example", "me", &Secret::new("pw".to_string())).expect("kept");
        let text = fs::read_to_string(&path).expect("there");
        assert!(text.contains("proxies") && !text.contains("eDp5"), "{text}");
        fs::write(&path, "{broken").expect("written");
        assert!(keep_login(&places, "a.example", "me", &Secret::new("pw".to_string())).is_err());
        assert_eq!(fs::read_to_string(&path).expect("there"), "{broken");
    }

    #[test]
    fn a_helper_that_is_configured_gets_the_password_and_the_file_does_not() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let at = dir.path();
        let script = format!("#!/bin/sh\ncat > {}/$1\n", at.display());
        fs::write(at.join("docker-credential-fake"), script).expect("written");
        fs::set_permissions(at.join("docker-credential-fake"), Permissions::from_mode(0o755)).expect("set");
        fs::write(at.join("config.json"), r#"{"credHelpers":{"h.example":"fake"}}"#).expect("written");
        let path = std::env::join_paths([at, Path::new("/usr/bin"), Path::new("/bin")]).expect("joined");
        let places = Places { docker_config: Some(at.into()), path: Some(path), ..Places::default() };
        let kept = keep_login(&places, "h.example", "me", &Secret::new("hidden".to_string())).expect("kept");
        assert_eq!(kept, Kept::Helper("fake".to_string()));
        let told: Value =
            serde_json::from_str(&fs::read_to_string(at.join("store")).expect("told")).expect("JSON");
        assert_eq!(told, json!({ "ServerURL": "h.example", "Username": "me", "Secret": "hidden" }));
        assert!(!fs::read_to_string(at.join("config.json")).expect("there").contains("hidden"));
        assert!(forget_login(&places, "h.example").expect("erased"));
        assert_eq!(fs::read_to_string(at.join("erase")).expect("told").trim(), "h.example");
    }
}
