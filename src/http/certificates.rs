//! Certificates of single hosts, in directories named after them: authorities, and a certificate of our own with its key.
//!
//! SPEC: containers-certs.d(5), and Docker's `certs.d`: `HOST[:PORT]/*.crt` are authorities, `*.cert` with the `*.key`
//! of the same name is shown to the server.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, parse_pem};

use super::failure::{Failure, FailureKind};
use super::url::Url;

/// Directories with one directory a host. The first that has one for a host decides.
#[derive(Clone, Debug, Default)]
pub struct HostCertificates(pub Vec<PathBuf>);

impl HostCertificates {
    /// The directory for the host of `url`, if there is one.
    pub(super) fn directory(&self, url: &Url) -> Option<PathBuf> {
        if self.0.is_empty() {
            return None;
        }
        let host =
            if url.host().contains(':') { format!("[{}]", url.host()) } else { url.host().to_string() };
        let mut names = vec![format!("{host}:{}", url.port())];
        if url.port() == 443 {
            names.insert(0, host.clone());
        }
        // COMPAT: the name under which people know it.
        if host == "registry-1.docker.io" {
            names.push("docker.io".to_string());
        }
        let all = self.0.iter().flat_map(|dir| names.iter().map(move |name| dir.join(name)));
        all.into_iter().find(|dir| dir.is_dir())
    }
}

/// What one directory holds.
#[derive(Default)]
pub(super) struct OwnCertificates {
    /// Trusted for this host.
    pub authorities: Vec<Certificate<'static>>,
    /// Shown to this host.
    pub identity: Option<ClientCert>,
}

impl OwnCertificates {
    /// Reads a directory.
    pub fn read(directory: &Path) -> Result<OwnCertificates, Failure> {
        let names = match fs::read_dir(directory) {
            Ok(names) => names,
            Err(e) => return Err(wrong(directory, &e.to_string())),
        };
        let mut files: Vec<PathBuf> = Vec::new();
        for name in names {
            files.push(name.map_err(|e| wrong(directory, &e.to_string()))?.path());
        }
        files.sort();
        let mut own = OwnCertificates::default();
        let ending = |file: &Path, wanted: &str| file.extension().is_some_and(|e| e == wanted);
        for file in files.iter().filter(|file| ending(file, "crt")) {
            own.authorities.extend(certificates(file)?);
        }
        for file in files.iter().filter(|file| ending(file, "key")) {
            if !file.with_extension("cert").exists() {
                return Err(wrong(file, "there is no certificate for this key: a *.cert of the same name"));
            }
        }
        for file in files.iter().filter(|file| ending(file, "cert")) {
            if own.identity.is_some() {
                return Err(wrong(file, "a second client certificate for one host is not supported"));
            }
            let key = file.with_extension("key");
            if !key.exists() {
                return Err(wrong(
                    file,
                    "there is no key for this certificate: a *.key of the same name. Authorities are named *.crt",
                ));
            }
            let key = PrivateKey::from_pem(&read(&key)?).map_err(|e| wrong(&key, &e.to_string()))?;
            own.identity = Some(ClientCert::new_with_certs(&certificates(file)?, key));
        }
        Ok(own)
    }
}

fn certificates(file: &Path) -> Result<Vec<Certificate<'static>>, Failure> {
    let mut found = Vec::new();
    for item in parse_pem(&read(file)?) {
        match item {
            Ok(PemItem::Certificate(certificate)) => found.push(certificate.to_owned()),
            Ok(_) => {}
            Err(e) => return Err(wrong(file, &e.to_string())),
        }
    }
    match found.is_empty() {
        true => Err(wrong(file, "there is no certificate in it")),
        false => Ok(found),
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(file).map_err(|e| match e.kind() {
        ErrorKind::PermissionDenied => wrong(file, "it is not readable for this user"),
        _ => wrong(file, &e.to_string()),
    })
}

fn wrong(path: &Path, reason: &str) -> Failure {
    Failure::new(
        FailureKind::Tls,
        format!("the certificates of this host cannot be used: {}: {reason}", path.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_directory_that_has_the_host_and_port_decides() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let at = |path: &str| dir.path().join(path);
        for path in [
            "user/reg.io:5000",
            "system/reg.io",
            "system/reg.io:5000",
            "system/[::1]:5000",
            "system/docker.io",
        ] {
            fs::create_dir_all(at(path)).expect("made");
        }
        let all = HostCertificates(vec![at("user"), at("system"), at("missing")]);
        for (url, want) in [
            ("https://reg.io/v2/", Some("system/reg.io")),
            ("https://reg.io:5000/v2/", Some("user/reg.io:5000")),
            ("https://reg.io:5001/v2/", None),
            ("https://sub.reg.io/v2/", None),
            ("https://[::1]:5000/v2/", Some("system/[::1]:5000")),
            ("https://registry-1.docker.io/v2/", Some("system/docker.io")),
        ] {
            let url = Url::parse(url).expect("valid");
            assert_eq!(all.directory(&url), want.map(at), "{url}");
        }
    }

    #[test]
    fn what_is_half_there_is_named() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let refused = |name: &str, want: &str| {
            let file = dir.path().join(name);
            fs::write(&file, "x").expect("written");
            let said = OwnCertificates::read(dir.path()).err().expect("refused").message;
            assert!(said.contains(name) && said.contains(want), "{said}");
            fs::remove_file(file).expect("removed");
        };
        refused("ca.crt", "no certificate in it");
        refused("client.cert", "*.crt");
        refused("client.key", "*.cert");
    }
}
