//! The environment, read once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::export::EnginePlaces;
use crate::http::{HostCertificates, Proxies, Secret, Trust};
use crate::registry::{Places, SettingsPlaces};

/// What the environment says.
#[derive(Clone, Debug)]
pub struct Environment {
    /// All variables that are text.
    pub variables: BTreeMap<String, String>,
    /// Whether we are root, who has one store for the machine.
    pub is_root: bool,
    /// Seconds since 1970.
    pub now: i64,
}

impl Environment {
    /// Reads it.
    pub fn read(is_root: bool) -> Environment {
        let text =
            |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
        Environment { variables: std::env::vars_os().filter_map(text).collect(), is_root, now }
    }

    /// A variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }

    /// The store: `RBUILD_ROOT`, else a place of the user's, or of the machine's for root.
    pub fn store(&self) -> Result<PathBuf, String> {
        if let Some(root) = self.path("RBUILD_ROOT") {
            return Ok(root);
        }
        if self.is_root {
            return Ok(PathBuf::from("/var/lib/rbuild"));
        }
        let data = self.path("XDG_DATA_HOME").or_else(|| Some(self.path("HOME")?.join(".local/share")));
        data.map(|data| data.join("rbuild"))
            .ok_or_else(|| "no place for the store: set RBUILD_ROOT, XDG_DATA_HOME or HOME".to_string())
    }

    /// The hosts that the user knows for SSH.
    pub fn known_hosts(&self) -> Option<PathBuf> {
        self.path("HOME").map(|home| home.join(".ssh/known_hosts"))
    }

    /// Where credentials may be.
    pub fn places(&self) -> Places {
        Places {
            registry_auth_file: self.path("REGISTRY_AUTH_FILE"),
            docker_config: self.path("DOCKER_CONFIG"),
            home: self.path("HOME"),
            xdg_runtime_dir: self.path("XDG_RUNTIME_DIR"),
            xdg_config_home: self.path("XDG_CONFIG_HOME"),
            path: self.get("PATH").map(OsString::from),
        }
    }

    /// The directory of containers' tools for this user.
    fn containers(&self) -> Option<PathBuf> {
        let config = self.path("XDG_CONFIG_HOME").or_else(|| Some(self.path("HOME")?.join(".config")))?;
        Some(config.join("containers"))
    }

    /// Where settings for registries may be.
    pub fn settings_places(&self) -> SettingsPlaces {
        let user = self.path("XDG_CONFIG_HOME").or_else(|| Some(self.path("HOME")?.join(".config")));
        let daemon = user.map(|config| config.join("docker/daemon.json"));
        let of_machine = PathBuf::from("/etc/docker/daemon.json");
        SettingsPlaces {
            registries_conf: self.path("CONTAINERS_REGISTRIES_CONF"),
            user: self.containers(),
            machine: Some(PathBuf::from("/etc/containers")),
            // COMPAT: a rootless docker has its own.
            daemon: daemon.filter(|_| !self.is_root).into_iter().chain([of_machine]).collect(),
        }
    }

    /// Where certificates of single hosts may be.
    pub fn host_certificates(&self) -> HostCertificates {
        let machine = ["/etc/containers/certs.d", "/etc/docker/certs.d"].map(PathBuf::from);
        HostCertificates(
            self.containers().map(|dir| dir.join("certs.d")).into_iter().chain(machine).collect(),
        )
    }

    /// How this process itself reaches hosts: lower case before upper, as curl.
    pub fn proxies(&self) -> Proxies {
        let either = |name: &str| self.get(&name.to_ascii_lowercase()).or_else(|| self.get(name));
        let all = either("ALL_PROXY");
        Proxies {
            https: either("HTTPS_PROXY").or(all).map(Secret::new),
            http: either("HTTP_PROXY").or(all).map(Secret::new),
            none: either("NO_PROXY").unwrap_or_default().to_string(),
        }
    }

    /// Which certificates are trusted, besides or instead of the machine's.
    pub fn trust(&self) -> Trust {
        Trust::of(self.path("SSL_CERT_FILE"), self.path("SSL_CERT_DIR"))
    }

    /// Where container engines of this machine may be.
    pub fn engines(&self) -> EnginePlaces {
        let docker_config = self.docker_config();
        let said = || {
            let text = std::fs::read(docker_config.as_ref()?.join("config.json")).ok()?;
            let config: serde_json::Value = serde_json::from_slice(&text).ok()?;
            config["currentContext"].as_str().map(str::to_string)
        };
        EnginePlaces {
            docker_host: self.get("DOCKER_HOST").map(str::to_string),
            context: self.get("DOCKER_CONTEXT").map(str::to_string).or_else(|| {
                // COMPAT: as in docker, the variable outranks what was once chosen.
                if self.get("DOCKER_HOST").is_some() { None } else { said() }
            }),
            tls: self.get("DOCKER_TLS_VERIFY").is_some() || self.get("DOCKER_TLS").is_some(),
            container_host: self.get("CONTAINER_HOST").map(str::to_string),
            in_namespace: !self.is_root && rustix::process::geteuid().is_root(),
            sockets: self.engine_sockets(),
            path: self.get("PATH").unwrap_or_default().into(),
            docker_config,
        }
    }

    /// Docker's before podman's, the machine's before the user's.
    fn engine_sockets(&self) -> Vec<PathBuf> {
        let mut sockets = vec![PathBuf::from("/var/run/docker.sock")];
        if !self.is_root {
            let (runtime, home) = (self.path("XDG_RUNTIME_DIR"), self.path("HOME"));
            sockets.extend(runtime.as_ref().map(|runtime| runtime.join("docker.sock")));
            sockets.extend(home.map(|home| home.join(".docker/run/docker.sock")));
            sockets.extend(runtime.map(|runtime| runtime.join("podman/podman.sock")));
        }
        sockets.push(PathBuf::from("/run/podman/podman.sock"));
        sockets
    }

    fn docker_config(&self) -> Option<PathBuf> {
        self.path("DOCKER_CONFIG").or_else(|| Some(self.path("HOME")?.join(".docker")))
    }

    /// Proxy variables for RUN: the `proxies` of docker's config.json, as `docker build` passes them.
    pub fn run_proxies(&self) -> Result<Vec<(String, String)>, String> {
        let Some(file) = self.docker_config().map(|directory| directory.join("config.json")) else {
            return Ok(Vec::new());
        };
        let text = match std::fs::read(&file) {
            Ok(text) => text,
            Err(e)
                if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) =>
            {
                return Ok(Vec::new());
            }
            Err(e) => return Err(format!("{}: {e}", file.display())),
        };
        run_proxies(&text, &file)
    }
}

fn run_proxies(text: &[u8], file: &Path) -> Result<Vec<(String, String)>, String> {
    let config: serde_json::Value =
        serde_json::from_slice(text).map_err(|e| format!("{}: {e}", file.display()))?;
    let Some(default) = config.get("proxies").and_then(|proxies| proxies.get("default")) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for (key, name) in [
        ("httpProxy", "HTTP_PROXY"),
        ("httpsProxy", "HTTPS_PROXY"),
        ("ftpProxy", "FTP_PROXY"),
        ("noProxy", "NO_PROXY"),
        ("allProxy", "ALL_PROXY"),
    ] {
        if let Some(value) = default.get(key).and_then(|value| value.as_str()) {
            found.push((name.to_string(), value.to_string()));
            found.push((name.to_ascii_lowercase(), value.to_string()));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_of_docker_are_passed_in_both_cases() {
        let text = br#"{"proxies":{"default":{"httpProxy":"http://p:1","noProxy":"a,b"}}}"#;
        let found = run_proxies(text, Path::new("x")).expect("valid");
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"]);
        assert!(run_proxies(b"{", Path::new("x")).is_err());
    }
}
