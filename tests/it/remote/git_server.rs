//! Repositories that tests make, and the servers that give them out: git's own daemon, and its CGI program behind a web
//! server.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::server::{Answered, Asked, Server};

/// Repositories in one directory.
pub struct Repositories {
    pub home: tempfile::TempDir,
}

/// git's daemon; it ends with its value.
pub struct Daemon {
    child: Child,
    port: u16,
}

/// Whether git is here; says loudly when not.
pub fn has_git() -> bool {
    crate::e2e::tools(&["git"])
}

/// The repository's git, with a fixed author and time and nothing of the user's.
pub fn git(directory: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(directory).args(["-c", "protocol.file.allow=always", "-c", "core.autocrlf=false"]);
    command.args(arguments).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "A").env(format!("GIT_{who}_EMAIL"), "a@example.org");
        command.env(format!("GIT_{who}_DATE"), "1700000000 +0000");
    }
    let output = command.output().expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_string()
}

impl Repositories {
    pub fn new() -> Repositories {
        Repositories { home: tempfile::tempdir().expect("a directory") }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// An empty repository with a work tree.
    pub fn make(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir(&path).expect("made");
        git(&path, &["init", "-q", "-b", "main"]);
        path
    }

    /// Writes files and commits all of the work tree; returns the commit.
    pub fn commit(&self, name: &str, files: &[(&str, &str)]) -> String {
        let path = self.path(name);
        for (file, content) in files {
            let file = path.join(file);
            std::fs::create_dir_all(file.parent().expect("inside")).expect("made");
            std::fs::write(file, content).expect("written");
        }
        git(&path, &["add", "-A"]);
        git(&path, &["commit", "-q", "--allow-empty", "-m", "x"]);
        git(&path, &["rev-parse", "HEAD"])
    }

    /// Serves all of them by git's own protocol.
    pub fn daemon(&self) -> Daemon {
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        let program = Path::new(&git(self.home.path(), &["--exec-path"])).join("git-daemon");
        let mut child = Command::new(program)
            .args(["--reuseaddr", "--listen=127.0.0.1", "--export-all"])
            .arg(format!("--port={port}"))
            .arg(format!("--base-path={}", self.home.path().display()))
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "safe.directory")
            .env("GIT_CONFIG_VALUE_0", "*")
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("git-daemon starts");
        for _ in 0..500 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Daemon { child, port };
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = child.kill();
        let _ = child.wait();
        panic!("git-daemon does not listen");
    }

    /// Serves all of them over HTTP to whoever shows this `Authorization`; `/moved/…` redirects to `moved`.
    pub fn http(&self, authorization: Option<&'static str>, moved: Option<String>) -> Server {
        let home = self.home.path().to_path_buf();
        Server::start(move |asked| {
            if let (Some(path), Some(to)) = (asked.path.strip_prefix("/moved/"), &moved) {
                return Answered::new(302, "").header("location", &format!("{to}{path}?{}", asked.query));
            }
            match authorization {
                Some(wanted) if asked.header("authorization") != Some(wanted) => {
                    Answered::new(401, "").header("www-authenticate", "Basic realm=\"x\"")
                }
                _ => backend(&home, asked),
            }
        })
    }
}

impl Daemon {
    pub fn url(&self, name: &str) -> String {
        format!("git://127.0.0.1:{}/{name}", self.port)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// SPEC: gitprotocol-http, CGI 1.1.
fn backend(home: &Path, asked: &Asked) -> Answered {
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", home)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", "*")
        .env("PATH_INFO", &asked.path)
        .env("QUERY_STRING", &asked.query)
        .env("REQUEST_METHOD", &asked.method)
        .env("CONTENT_TYPE", asked.header("content-type").unwrap_or_default())
        .env("CONTENT_LENGTH", asked.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", asked.header("content-encoding").unwrap_or_default())
        .env("GIT_PROTOCOL", asked.header("git-protocol").unwrap_or_default())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("http-backend starts");
    child.stdin.take().expect("piped").write_all(&asked.body).expect("fed");
    let output = child.wait_with_output().expect("it ends").stdout;
    let end = output.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8_lossy(&output[..end]).into_owned();
    let mut answered = Answered::new(200, &output[end + 4..]);
    for line in head.lines() {
        let (name, value) = line.split_once(':').expect("a header");
        match name {
            "Status" => answered.status = value.trim()[..3].parse().expect("a status"),
            _ => answered = answered.header(name, value.trim()),
        }
    }
    answered
}
