//! An agent of our own for private keys that are given by file: the machine's `ssh-agent`, as long as it is needed.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::source::error::Error;
use crate::source::program::find;
use crate::sys::command::with_default_signals;

/// LIMIT: an agent listens at once, or never.
const PATIENCE: Duration = Duration::from_secs(10);

/// An agent that holds some keys; it ends when it is dropped.
#[derive(Debug)]
pub struct KeyAgent {
    child: Child,
    socket: PathBuf,
}

impl KeyAgent {
    /// Starts one in `directory`, which must be nobody else's, with the keys in `files`.
    pub fn start(files: &[PathBuf], directory: &Path, path: &OsString) -> Result<KeyAgent, Error> {
        let missing = |tool| Error::NoTool { tool, package: "openssh-client", wanted: "--ssh with a key" };
        let agent = find("ssh-agent", path).ok_or(missing("ssh-agent"))?;
        let add = find("ssh-add", path).ok_or(missing("ssh-add"))?;
        let socket = directory.join("agent");
        let mut command = bare(&agent, path);
        command.arg("-D").arg("-a").arg(&socket).stderr(Stdio::null());
        let child = command.spawn().map_err(|source| Error::Tool { tool: "ssh-agent", source })?;
        let mut agent = KeyAgent { child, socket };
        agent.wait()?;
        for file in files {
            let mut command = bare(&add, path);
            // LIMIT: a day: an agent that outlives a build that was killed does not keep a key for good.
            command
                .args(["-q", "-t", "86400", "--"])
                .arg(file)
                .env("SSH_AUTH_SOCK", &agent.socket)
                .stderr(Stdio::piped());
            let output = command.output().map_err(|source| Error::Tool { tool: "ssh-add", source })?;
            if !output.status.success() {
                let said = String::from_utf8_lossy(&output.stderr);
                let said: String =
                    said.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
                let path = file.display().to_string();
                let reason = format!("cannot be loaded (a key with a passphrase needs an agent): {said}");
                return Err(Error::Text { path, reason });
            }
        }
        Ok(agent)
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    fn wait(&mut self) -> Result<(), Error> {
        let began = Instant::now();
        while !self.socket.exists() {
            let ended = self.child.try_wait().ok().flatten().is_some();
            if ended || began.elapsed() > PATIENCE {
                let source = std::io::Error::other("it does not listen");
                return Err(Error::Tool { tool: "ssh-agent", source });
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

impl Drop for KeyAgent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// A program with nothing of the user's but the places of programs; it asks nobody.
fn bare(program: &Path, path: &OsString) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", path)
        .env("LC_ALL", "C")
        .env("SSH_ASKPASS", "/bin/false")
        .env("SSH_ASKPASS_REQUIRE", "force")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .process_group(0);
    with_default_signals(&mut command);
    command
}
