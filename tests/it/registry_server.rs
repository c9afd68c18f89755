//! Debian's docker-registry on loopback, for tests of pulling and pushing.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rbuild::oci::Reference;

/// Whether the programs are there; else the test says loudly that it does not run.
pub fn have(programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let missing: Vec<&&str> =
        programs.iter().filter(|p| !std::env::split_paths(&path).any(|dir| dir.join(p).is_file())).collect();
    if missing.is_empty() {
        return true;
    }
    assert!(std::env::var_os("RBUILD_REQUIRE").is_none(), "missing: {missing:?}");
    eprintln!("SKIPPED: {missing:?} not installed");
    false
}

pub struct Registry {
    process: Child,
    pub port: u16,
}

impl Registry {
    /// An empty one in a directory of its own; none, loudly, where it is not installed.
    pub fn fresh() -> Option<(tempfile::TempDir, Registry)> {
        if !have(&["docker-registry"]) {
            return None;
        }
        let dir = tempfile::tempdir().expect("temporary directory");
        let registry = Registry::start(dir.path(), "", "");
        Some((dir, registry))
    }

    /// Starts it with `more` in its configuration, and waits until it listens.
    pub fn start(dir: &Path, http: &str, more: &str) -> Registry {
        let port = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound").port();
        let config = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:{port}\n  secret: x\n{http}{more}",
            dir.join("data").display()
        );
        let file = dir.join("registry.yml");
        std::fs::write(&file, config).expect("written");
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("docker-registry starts");
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(30), "docker-registry does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Registry { process, port }
    }

    /// Configuration for the user `me` with the password `pw`.
    pub fn password(dir: &Path) -> String {
        let hash = "$2b$05$abcdefghijklmnopqrstuuHIrMEWpUCQe2YqFR3sXwQ75u4od..9q";
        std::fs::write(dir.join("htpasswd"), format!("me:{hash}\n")).expect("written");
        format!("auth:\n  htpasswd:\n    realm: x\n    path: {}\n", dir.join("htpasswd").display())
    }

    /// The name of something in it.
    pub fn name(&self, rest: &str) -> String {
        format!("127.0.0.1:{}/{rest}", self.port)
    }

    pub fn reference(&self, rest: &str) -> Reference {
        format!("127.0.0.1:{}/team/app{rest}", self.port).parse().expect("valid")
    }

    pub fn fill(&self, layout: &Path, arguments: &[&str]) {
        run(Command::new("skopeo")
            .args(["--insecure-policy", "copy", "--all"])
            .args(arguments)
            .arg(format!("oci:{}:1", layout.display()))
            .arg(format!("docker://127.0.0.1:{}/team/app:1", self.port)));
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn run(command: &mut Command) {
    let output = command.output().expect("starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

pub fn openssl(dir: &Path, arguments: &str) {
    run(Command::new("openssl").current_dir(dir).args(arguments.split(' ')));
}
