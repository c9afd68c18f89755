//! The machine's `git`, with the doors shut through which a repository or its server could reach this machine.
//!
//! Nothing is ever checked out: git talks to the server and reads its own objects, and everything that becomes a file
//! is read out of objects by us. So there are no hooks, no filters, no links that are followed, no names that surprise
//! a file system. On top of that: an empty environment, no configuration of the machine or the user, a list of
//! protocols, no prompt, every address and name behind `--` or `--end-of-options`.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::access::{GitAccess, without_user_info};
use crate::source::error::Error;
use crate::source::program::find;
use crate::sys::command::with_default_signals;
use crate::sys::rustix::process::{Pid, Signal, kill_process_group};

/// LIMIT: of what a command answers; the listing of a tree with a million files is below it.
const LARGEST_ANSWER: u64 = 512 << 20;

/// LIMIT: of what is kept of a command's complaints.
const LARGEST_COMPLAINT: usize = 16 << 10;

/// git in one directory, which is its home as well.
pub(super) struct Tool<'a> {
    program: PathBuf,
    directory: PathBuf,
    access: &'a GitAccess,
    canceled: &'a dyn Fn() -> bool,
}

/// The protocols that may be spoken. Not `file`, not `ext`: they would read and run what is on this machine.
pub(super) const PROTOCOLS: [&str; 4] = ["https", "ssh", "git", "http"];

/// Settings that hold for every command.
const SETTINGS: [(&str, &str); 14] = [
    ("protocol.allow", "never"),
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.symlinks", "false"),
    ("core.askPass", ""),
    ("credential.helper", ""),
    ("fetch.recurseSubmodules", "false"),
    ("submodule.recurse", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("init.templateDir", ""),
    ("init.defaultBranch", "main"),
    // LIMIT: as the HTTP client: slower than 1 KB a second for half a minute is a stall.
    ("http.lowSpeedLimit", "1000"),
    ("http.lowSpeedTime", "30"),
];

impl<'a> Tool<'a> {
    /// Finds git; `directory` is empty and goes away afterwards.
    pub fn new(
        access: &'a GitAccess,
        directory: &Path,
        canceled: &'a dyn Fn() -> bool,
    ) -> Result<Tool<'a>, Error> {
        let program = find("git", &access.path).ok_or(Error::NoTool {
            tool: "git",
            package: "git",
            wanted: "a git repository",
        })?;
        Ok(Tool { program, directory: directory.to_path_buf(), access, canceled })
    }

    /// Where it works.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Runs a command that talks to the server of `repository`, whose address without user info is given to `arguments`.
    pub fn ask(
        &self,
        repository: &str,
        arguments: impl FnOnce(&str) -> Vec<String>,
        limit: Duration,
    ) -> Result<Vec<u8>, Error> {
        let (address, own) = without_user_info(repository);
        let mut command = self.command(&arguments(&address));
        let mut settings = Vec::new();
        if let Some(secret) = own.as_ref().or_else(|| self.access.authorization(repository)) {
            settings
                .push((format!("http.{address}.extraHeader"), format!("Authorization: {}", secret.reveal())));
            // What was meant for one host is not shown to another.
            settings.push(("http.followRedirects".to_string(), "false".to_string()));
        }
        self.reach(&mut command);
        set(&mut command, &settings);
        self.output(command, limit, &address)
    }

    /// Runs a command that only looks at what is here.
    pub fn run(&self, arguments: &[&str]) -> Result<Vec<u8>, Error> {
        let arguments: Vec<String> = arguments.iter().map(|text| text.to_string()).collect();
        let mut command = self.command(&arguments);
        set(&mut command, &[]);
        // LIMIT: on a local disk; only a broken one takes this long.
        self.output(command, Duration::from_secs(600), "the fetched repository")
    }

    /// As [`Tool::run`], with another index than the repository's.
    pub fn run_with_index(&self, arguments: &[&str], index: &Path) -> Result<Vec<u8>, Error> {
        let arguments: Vec<String> = arguments.iter().map(|text| text.to_string()).collect();
        let mut command = self.command(&arguments);
        command.env("GIT_INDEX_FILE", index);
        set(&mut command, &[]);
        self.output(command, Duration::from_secs(600), "the fetched repository")
    }

    /// Starts a command that is talked to through pipes; its complaints are dropped.
    pub fn talk(&self, arguments: &[&str]) -> Result<Child, Error> {
        let arguments: Vec<String> = arguments.iter().map(|text| text.to_string()).collect();
        let mut command = self.command(&arguments);
        set(&mut command, &[]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.spawn().map_err(|source| Error::Tool { tool: "git", source })
    }

    /// A command with standard input shut, in a process group of its own.
    pub fn command(&self, arguments: &[String]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir(&self.directory)
            .env_clear()
            .env("PATH", &self.access.path)
            .env("HOME", &self.directory)
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "/bin/false")
            .env("SSH_ASKPASS_REQUIRE", "never")
            .env("GIT_PROTOCOL_FROM_USER", "0")
            .env("GIT_ALLOW_PROTOCOL", PROTOCOLS.join(":"))
            .args(arguments)
            .stdin(Stdio::null())
            .process_group(0);
        with_default_signals(&mut command);
        command
    }

    /// What a command needs that talks to a server.
    fn reach(&self, command: &mut Command) {
        let GitAccess { proxies, trust, agent, known_hosts, .. } = self.access;
        for (name, proxy) in [("http_proxy", &proxies.http), ("https_proxy", &proxies.https)] {
            if let Some(proxy) = proxy {
                command.env(name, proxy.reveal());
            }
        }
        command.env("no_proxy", format!("localhost,127.0.0.1,::1,{}", proxies.none));
        if let Some(file) = &trust.file {
            command.env("GIT_SSL_CAINFO", file);
        }
        if let Some(directory) = &trust.dir {
            command.env("GIT_SSL_CAPATH", directory);
        }
        if let Some(agent) = agent {
            command.env("SSH_AUTH_SOCK", agent);
        }
        command.env("GIT_SSH_VARIANT", "ssh");
        command.env("GIT_SSH_COMMAND", ssh(agent.is_some(), known_hosts.as_deref()));
    }

    fn output(&self, mut command: Command, limit: Duration, of: &str) -> Result<Vec<u8>, Error> {
        let failed = |source| Error::Tool { tool: "git", source };
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
        let stdout = child.stdout.take().map(|out| read(out, LARGEST_ANSWER));
        let stderr = child.stderr.take().map(|out| read(out, LARGEST_ANSWER));
        let began = Instant::now();
        let mut pause = Duration::from_millis(1);
        let status = loop {
            if let Some(status) = child.try_wait().map_err(failed)? {
                break status;
            }
            let over = began.elapsed() >= limit;
            if over || (self.canceled)() {
                kill(&mut child);
                return Err(match over {
                    true => Error::ToolTime { of: of.to_string(), seconds: limit.as_secs() },
                    false => Error::Canceled,
                });
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
        };
        // What still holds the pipes (ssh, say) has nothing to say any more.
        kill_group(&child);
        let (stdout, stderr) = (joined(stdout), joined(stderr));
        if !status.success() {
            return Err(Error::Git { of: of.to_string(), said: complaint(&stderr) });
        }
        Ok(stdout)
    }
}

/// Settings by the environment, where no other user can read them.
fn set(command: &mut Command, more: &[(String, String)]) {
    let fixed = SETTINGS.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    let allowed = PROTOCOLS.iter().map(|name| (format!("protocol.{name}.allow"), "always".to_string()));
    let all: Vec<(String, String)> = fixed.chain(allowed).chain(more.iter().cloned()).collect();
    command.env("GIT_CONFIG_COUNT", all.len().to_string());
    for (index, (name, value)) in all.iter().enumerate() {
        command.env(format!("GIT_CONFIG_KEY_{index}"), name).env(format!("GIT_CONFIG_VALUE_{index}"), value);
    }
}

/// How ssh is started: no configuration, no question, no key but the agent's. A host that the user knows must have the
/// key that he knows; one that he does not is taken at its word, as BuildKit does.
fn ssh(has_agent: bool, known_hosts: Option<&Path>) -> String {
    // The first is where new hosts go: in git's own directory, in which ssh is started.
    let mut files = "known_hosts".to_string();
    if let Some(known) =
        known_hosts.filter(|path| !path.to_string_lossy().contains([' ', '"', '\'', '%', '\\']))
    {
        files += &format!(" {}", known.display());
    }
    let agent = if has_agent { "SSH_AUTH_SOCK" } else { "none" };
    format!(
        "ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o 'UserKnownHostsFile={files}' \
         -o IdentityAgent={agent} -o IdentityFile=none -o ForwardAgent=no -o PermitLocalCommand=no -o ProxyCommand=none \
         -o ConnectTimeout=30 -o ServerAliveInterval=15 -o ServerAliveCountMax=4 -o LogLevel=ERROR"
    )
}

fn read(mut from: impl Read + Send + 'static, limit: u64) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // A pipe that breaks has said all that it will; a command whose answer is cut off fails as a whole.
        let _ = (&mut from).take(limit).read_to_end(&mut bytes);
        bytes
    })
}

fn joined(thread: Option<JoinHandle<Vec<u8>>>) -> Vec<u8> {
    thread.and_then(|thread| thread.join().ok()).unwrap_or_default()
}

fn kill(child: &mut Child) {
    kill_group(child);
    let _ = child.wait();
}

fn kill_group(child: &Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// What git said, without what could drive a terminal and without addresses' user info.
fn complaint(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(&stderr[..stderr.len().min(LARGEST_COMPLAINT)]);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let clean = |line: &str| line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    let said: Vec<String> = lines.map(clean).collect();
    match said.is_empty() {
        true => "git failed and did not say why".to_string(),
        false => said.join("; "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings_of(command: &Command) -> Vec<(String, String)> {
        let text = |value: &std::ffi::OsStr| value.to_string_lossy().into_owned();
        command.get_envs().map(|(name, value)| (text(name), value.map(text).unwrap_or_default())).collect()
    }

    #[test]
    fn cve_2024_32002_no_hook_no_prompt_no_configuration_reaches_git() {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let access = GitAccess { path, ..GitAccess::default() };
        let directory = tempfile::tempdir().expect("a directory");
        let Ok(tool) = Tool::new(&access, directory.path(), &|| false) else {
            assert!(std::env::var_os("RBUILD_REQUIRE").is_none(), "git is not installed");
            return eprintln!("SKIPPED: git is not installed");
        };
        let mut command = tool.command(&["version".to_string()]);
        set(&mut command, &[]);
        let all = settings_of(&command);
        for (name, value) in [
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_ALLOW_PROTOCOL", "https:ssh:git:http"),
        ] {
            assert!(all.contains(&(name.to_string(), value.to_string())), "{name}");
        }
        let hooks = all.iter().find(|(_, value)| value == "core.hooksPath").expect("hooks are set");
        let value = hooks.0.replace("KEY", "VALUE");
        assert!(all.contains(&(value, "/dev/null".to_string())));
        let home = tool.run(&["config", "--list", "--show-scope"]).expect("git runs");
        let scopes = String::from_utf8_lossy(&home).into_owned();
        assert!(scopes.lines().all(|line| line.starts_with("command")), "{scopes}");
    }

    #[test]
    fn ssh_has_no_key_of_its_own_and_runs_nothing() {
        let words = ssh(false, Some(Path::new("/home/me/.ssh/known_hosts")));
        for part in
            ["-F /dev/null", "BatchMode=yes", "IdentityAgent=none", "IdentityFile=none", "ProxyCommand=none"]
        {
            assert!(words.contains(part), "{part}");
        }
        assert!(words.contains("'UserKnownHostsFile=known_hosts /home/me/.ssh/known_hosts'"), "{words}");
        assert!(!ssh(true, Some(Path::new("/home/a'b"))).contains("a'b"));
    }

    #[test]
    fn what_git_says_cannot_drive_a_terminal() {
        assert_eq!(complaint(b"fatal: x\x1b[2J\n\n hint: y\n"), "fatal: x [2J; hint: y");
    }
}
