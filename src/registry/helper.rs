//! Credential helpers: programs that docker, too, asks for secrets.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::error::Error;
use crate::http::Secret;

/// What a helper answers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub user: String,
    pub secret: Secret,
}

#[derive(Deserialize)]
struct Text {
    #[serde(rename = "Username", default)]
    user: String,
    #[serde(rename = "Secret", default)]
    secret: String,
}

// LIMIT: a helper may ask a cloud for a token; nobody waits for a dialogue in a build.
const PATIENCE: Duration = Duration::from_secs(60);
// LIMIT: an answer is a user name and a token.
const LARGEST: u64 = 1 << 20;

/// Asks `docker-credential-NAME`, found in the directories of `search`, for the secret of `server`. `file` is where
/// the helper is named.
pub(super) fn ask(
    name: &str,
    server: &str,
    search: &[PathBuf],
    file: &Path,
) -> Result<Option<Answer>, Error> {
    let failed = |reason: String| Error::Helper { name: name.to_string(), path: file.to_path_buf(), reason };
    let Some(text) = call(name, "get", server, search, file)? else { return Ok(None) };
    let answer: Text =
        serde_json::from_slice(&text).map_err(|_| failed("does not answer in JSON".to_string()))?;
    if answer.user.is_empty() && answer.secret.is_empty() {
        return Ok(None);
    }
    Ok(Some(Answer { user: answer.user, secret: Secret::new(answer.secret) }))
}

/// Has a helper `store` or `erase` something; nothing to erase is no failure.
pub(super) fn tell(
    name: &str,
    action: &str,
    input: &str,
    search: &[PathBuf],
    file: &Path,
) -> Result<(), Error> {
    call(name, action, input, search, file).map(|_| ())
}

/// What a helper prints; none if it does not know the server.
fn call(
    name: &str,
    action: &str,
    input: &str,
    search: &[PathBuf],
    file: &Path,
) -> Result<Option<Vec<u8>>, Error> {
    let failed = |reason: String| Error::Helper { name: name.to_string(), path: file.to_path_buf(), reason };
    // A name, never a path: the file may come from elsewhere.
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) {
        return Err(failed("has a name that is not one of a program".to_string()));
    }
    let program = format!("docker-credential-{name}");
    let found = search.iter().map(|dir| dir.join(&program)).find(|path| path.is_file());
    let path = found.ok_or_else(|| {
        failed("is not in the PATH: install it, or remove its line from that file".to_string())
    })?;
    let mut child = Command::new(&path)
        .arg(action)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| failed(format!("cannot be started: {e}")))?;
    if let Some(mut pipe) = child.stdin.take() {
        // A helper that does not read has its reasons; its exit code tells.
        let _ = pipe.write_all(format!("{input}\n").as_bytes());
    }
    let output = child.stdout.take();
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        output.map(|o| o.take(LARGEST).read_to_end(&mut text)).transpose().map(|_| text)
    });
    let status = wait(&mut child).map_err(|e| failed(format!("cannot be waited for: {e}")))?;
    let Some(status) = status else {
        return Err(failed(format!("gave no answer in {} s", PATIENCE.as_secs())));
    };
    let text = reader.join().ok().and_then(Result::ok).unwrap_or_default();
    if !status.success() {
        let said = String::from_utf8_lossy(&text);
        let said: String = said.trim().chars().filter(|c| !c.is_control()).take(200).collect();
        // COMPAT: the words of docker-credential-helpers; there is no code for it.
        if said.contains("credentials not found") {
            return Ok(None);
        }
        return Err(failed(format!("failed ({status}): {said}")));
    }
    Ok(Some(text))
}

fn wait(child: &mut Child) -> std::io::Result<Option<std::process::ExitStatus>> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if began.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The directories of a `PATH`.
pub(super) fn directories(path: &OsString) -> Vec<PathBuf> {
    // A relative directory would be the build context's.
    std::env::split_paths(path).filter(|dir| dir.is_absolute()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn helper(script: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("docker-credential-t");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("mode");
        dir
    }

    fn asked(script: &str) -> Result<Option<Answer>, Error> {
        let dir = helper(script);
        ask("t", "reg.example", &[dir.path().to_path_buf()], Path::new("/c.json"))
    }

    #[test]
    fn the_server_goes_in_and_the_secret_comes_out() {
        let script = r#"read s; [ "$1" = get ] && printf '{"ServerURL":"%s","Username":"me@%s","Secret":"pw"}' "$s" "$s""#;
        let answer = asked(script).expect("works").expect("found");
        assert_eq!((answer.user.as_str(), answer.secret.reveal()), ("me@reg.example", "pw"));
    }

    #[test]
    fn not_found_is_no_error_and_a_failure_is_told_with_its_words() {
        assert_eq!(asked("echo credentials not found in native keychain; exit 1").expect("no error"), None);
        let said = asked("echo the cloud is closed; exit 3").expect_err("fails").to_string();
        assert!(said.contains("the cloud is closed") && said.contains("docker-credential-t"), "{said}");
        assert!(asked("echo nonsense").expect_err("fails").to_string().contains("JSON"));
    }

    #[test]
    fn a_missing_helper_and_a_path_for_a_name_are_refused() {
        let said = ask("gone", "r", &[], Path::new("/c.json")).expect_err("missing").to_string();
        assert!(said.contains("not in the PATH") && said.contains("/c.json"), "{said}");
        assert!(ask("../../bin/x", "r", &["/bin".into()], Path::new("/c.json")).is_err());
    }
}
