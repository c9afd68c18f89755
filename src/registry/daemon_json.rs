//! What docker's `daemon.json` says of registries: mirrors of Docker Hub, and hosts without TLS.

use std::path::Path;

use serde::Deserialize;

use super::error::Error;
use super::registries::{Mirror, Registries, Rule, When};

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", default)]
struct Daemon {
    registry_mirrors: Option<Vec<String>>,
    insecure_registries: Option<Vec<String>>,
}

/// Adds it. COMPAT: users of docker have set their mirror there, and there alone; what `registries.conf` says of Docker
/// Hub comes before it.
pub(super) fn read_daemon(all: &mut Registries, file: &Path, text: &str) -> Result<(), Error> {
    if text.trim().is_empty() {
        return Ok(());
    }
    let daemon: Daemon = serde_json::from_str(text).map_err(|e| {
        Error::settings(file, &format!("line {}, column {}: it cannot be read", e.line(), e.column()))
    })?;
    for host in daemon.insecure_registries.unwrap_or_default() {
        // COMPAT: docker takes an address here too, and leaves the scheme out.
        let host = host.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
        all.allow_insecure(host)
            .map_err(|reason| Error::settings(file, &format!("insecure-registries: {reason}")))?;
    }
    let mut mirrors = Vec::new();
    for address in daemon.registry_mirrors.unwrap_or_default() {
        let refused =
            |reason: &str| Error::settings(file, &format!("registry-mirrors: {address:?} {reason}"));
        let (scheme, host) =
            address.split_once("://").ok_or_else(|| refused("is not https://HOST[:PORT]"))?;
        let host = host.trim_end_matches('/');
        if !matches!(scheme, "http" | "https") || host.is_empty() {
            return Err(refused("is not https://HOST[:PORT]"));
        }
        if host.contains(['/', '?', '#', '@']) {
            return Err(refused("has a path or a user, which docker does not take either"));
        }
        mirrors.push(Mirror { location: host.to_string(), insecure: scheme == "http", when: When::Always });
    }
    if !mirrors.is_empty() && !all.rules.iter().any(|rule| rule.prefix == "docker.io") {
        all.rules.push(Rule {
            prefix: "docker.io".to_string(),
            location: None,
            insecure: false,
            blocked: false,
            mirrors,
            file: file.display().to_string(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(all: &mut Registries, text: &str) -> Result<(), Error> {
        read_daemon(all, Path::new("daemon.json"), text)
    }

    #[test]
    fn mirrors_are_those_of_docker_hub_alone() {
        let mut all = Registries::default();
        let text = r#"{"registry-mirrors":["https://m.example/","http://plain.lan:5000"],"insecure-registries":["reg.lan:5000","10.0.0.0/8"],"debug":true}"#;
        read(&mut all, text).expect("valid");
        let sites = |name: &str| -> Vec<(String, bool)> {
            let sites = all.sites(&name.parse().expect("valid")).expect("open");
            sites.into_iter().map(|site| (site.reference.registry, site.insecure)).collect()
        };
        let at = |name: &str, insecure| (name.to_string(), insecure);
        assert_eq!(
            sites("busybox"),
            [at("m.example", false), at("plain.lan:5000", true), at("docker.io", false)]
        );
        assert_eq!(sites("reg.lan:5000/x"), [at("reg.lan:5000", true)]);
        assert_eq!(sites("10.2.3.4:80/x"), [at("10.2.3.4:80", true)]);
        assert_eq!(sites("q.io/x"), [at("q.io", false)]);
    }

    #[test]
    fn registries_conf_comes_first_and_nonsense_is_named() {
        let mut all = Registries::default();
        all.add(Path::new("r.conf"), "[[registry]]\nprefix='docker.io'\nlocation='own.example'\n")
            .expect("valid");
        read(&mut all, r#"{"registry-mirrors":["https://m.example"]}"#).expect("valid");
        assert_eq!(all.sites(&"busybox".parse().expect("valid")).expect("open").len(), 1);
        for text in
            [r#"{"registry-mirrors":["m.example"]}"#, r#"{"registry-mirrors":["https://m.example/x"]}"#, "{"]
        {
            assert!(read(&mut all, text).expect_err(text).to_string().contains("daemon.json"));
        }
        read(&mut all, "").expect("an empty file says nothing");
    }
}
