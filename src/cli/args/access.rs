//! Flags that let a Dockerfile reach further: `--ssh` and `--allow`.

use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;

use crate::build::SshSource;
use crate::cli::environment::Environment;

/// What `--allow` gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entitlements {
    /// `security.insecure`
    pub insecure: bool,
    /// `network.host`
    pub host_network: bool,
}

/// `--allow ENTITLEMENT`
pub fn entitlements(texts: &[String]) -> Result<Entitlements, String> {
    let mut all = Entitlements::default();
    for text in texts {
        match text.trim() {
            "security.insecure" => all.insecure = true,
            "network.host" => all.host_network = true,
            other => {
                return Err(format!("--allow {other}: security.insecure and network.host are supported"));
            }
        }
    }
    Ok(all)
}

/// `--ssh ID[=SOCKET|=KEY[,KEY…]]`; an id alone is the agent of `SSH_AUTH_SOCK`.
pub fn ssh(text: &str, environment: &Environment) -> Result<(String, SshSource), String> {
    let wrong = |reason: String| format!("--ssh {text}: {reason}");
    let (id, value) = text.split_once('=').unwrap_or((text, ""));
    let id = if id.is_empty() { "default" } else { id };
    let paths: Vec<PathBuf> = value.split(',').filter(|path| !path.is_empty()).map(PathBuf::from).collect();
    if paths.is_empty() {
        let socket = environment.get("SSH_AUTH_SOCK").ok_or_else(|| {
            wrong("there is no agent: SSH_AUTH_SOCK is not set; start one, or name a key".to_string())
        })?;
        return Ok((id.to_string(), SshSource::Agent(PathBuf::from(socket))));
    }
    let mut sockets = Vec::new();
    for path in &paths {
        if path.as_os_str().to_string_lossy().contains('=') && !path.exists() {
            return Err(wrong(format!("{}: only sockets and keys are supported", path.display())));
        }
        let about = std::fs::metadata(path).map_err(|e| wrong(format!("{}: {e}", path.display())))?;
        if about.file_type().is_socket() {
            sockets.push(path.clone());
        } else if !about.is_file() {
            return Err(wrong(format!("{} is neither a socket nor a key", path.display())));
        }
    }
    match (sockets.pop(), paths.len()) {
        (Some(socket), 1) => Ok((id.to_string(), SshSource::Agent(socket))),
        (Some(_), _) => Err(wrong("one socket, or keys, but not both".to_string())),
        (None, _) => Ok((id.to_string(), SshSource::Keys(paths))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entitlements_are_given_by_name() {
        let both = entitlements(&["network.host".into(), "security.insecure".into()]);
        assert_eq!(both, Ok(Entitlements { insecure: true, host_network: true }));
        assert!(entitlements(&["device".into()]).is_err());
    }

    #[test]
    fn an_id_alone_is_the_users_agent() {
        let mut environment = Environment { variables: Default::default(), is_root: false, now: 0 };
        assert!(ssh("default", &environment).is_err());
        environment.variables.insert("SSH_AUTH_SOCK".to_string(), "/a".to_string());
        assert_eq!(ssh("x", &environment), Ok(("x".to_string(), SshSource::Agent("/a".into()))));
        assert!(ssh("x=/does/not/exist", &environment).is_err());
    }
}
