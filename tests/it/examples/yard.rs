//! A store with a Debian base, kept from test to test and from run to run, and the program to build with.
//!
//! The base is made once by mmdebstrap through the machine's own archives. Everything below `target/tmp` may be deleted
//! at any time. The steps that install packages are found again in the store; those of a project itself are done anew in
//! each run of its test, because the test asks for that (`--no-cache-filter`).

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::e2e::{PROGRAM, can_run, tools};

const BASE: &str = "examples/debian:1";

/// Where examples are built.
pub struct Yard {
    root: PathBuf,
    /// The machine's settings, collected for this process: another test must not write them while this one builds.
    host: tempfile::TempDir,
}

impl Yard {
    /// Opens it, makes the base where there is none; none, loudly, where that cannot work.
    pub fn open() -> Option<Yard> {
        if !can_run() || !tools(&["mmdebstrap", "apt-get"]) {
            return None;
        }
        let user = rustix::process::geteuid().as_raw();
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("examples-{user}"));
        fs::create_dir_all(&root).expect("room for the examples");
        let yard = Yard { root, host: tempfile::tempdir().expect("room for the settings") };
        // The tests of one run are processes of their own: the first makes the base, the others wait.
        let lock = File::create(yard.root.join("lock")).expect("a lock");
        lock.lock().expect("a lock");
        yard.collect_settings();
        yard.make_base();
        Some(yard)
    }

    fn host(&self) -> &Path {
        self.host.path()
    }

    fn collect_settings(&self) {
        let made = Command::new("sh").arg(project("host-settings.sh")).arg(self.host()).status();
        assert!(made.expect("sh starts").success(), "the machine's settings cannot be collected");
    }

    fn make_base(&self) {
        if self.rbuild().args(["inspect", BASE]).output().expect("it starts").status.success() {
            return;
        }
        let tar = self.root.join("base.tar");
        if !tar.exists() {
            let fresh = self.root.join("base.new.tar");
            let mut command = Command::new("mmdebstrap");
            command.args(["--quiet", "--variant=minbase", "--include=ca-certificates"]);
            let settings = fs::read_to_string(self.host().join("apt.conf")).expect("settings");
            let of_host = |line: &&str| line.starts_with("Acquire::") && !line.contains("/run/host");
            for line in settings.lines().filter(of_host) {
                command.arg(format!("--aptopt={line}"));
            }
            command.arg(suite()).arg(&fresh);
            let sources = self.host().join("sources.list");
            if fs::metadata(&sources).is_ok_and(|sources| sources.len() > 0) {
                command.arg(sources);
            }
            let made = command.output().expect("mmdebstrap starts");
            assert!(made.status.success(), "mmdebstrap: {}", String::from_utf8_lossy(&made.stderr));
            fs::rename(fresh, &tar).expect("renamed");
        }
        let imported = self.rbuild().arg("import").arg(&tar).arg(BASE).output().expect("it starts");
        assert!(imported.status.success(), "import: {}", String::from_utf8_lossy(&imported.stderr));
    }

    fn rbuild(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command.env("RBUILD_ROOT", self.root.join("store")).env("BUILDKIT_PROGRESS", "plain");
        // Nothing of a user's own may decide what is built here.
        command.env("DOCKER_CONFIG", self.root.join("no-docker-config"));
        for name in ["SOURCE_DATE_EPOCH", "RBUILD_LAYER_EPOCH", "RBUILD_CONTEXT_MODES", "RBUILD_STORE_SIZE"] {
            command.env_remove(name);
        }
        command
    }

    /// Builds a project, tagged `examples/NAME`; what it said, and the line with its digest.
    #[track_caller]
    pub fn build(&self, name: &str, flags: &[&str]) -> (String, String) {
        let tag = format!("--tag=examples/{name}");
        self.build_at(&project(name), &[&[tag.as_str()], flags].concat())
    }

    /// Builds what is in a directory.
    #[track_caller]
    pub fn build_at(&self, context: &Path, flags: &[&str]) -> (String, String) {
        let mut command = self.rbuild();
        command.arg(format!("--build-context=debian=docker-image://{BASE}"));
        command.arg(format!("--build-context=host={}", self.host().display())).args(flags);
        for proxy in ["http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"] {
            if std::env::var_os(proxy).is_some() {
                command.arg(format!("--build-arg={proxy}"));
            }
        }
        let output = command.arg(context).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{} was not built:\n{said}", context.display());
        (said, String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Builds a project with these stages done anew, then once more with nothing changed: the same image, and no step
    /// is done. What the first build said.
    #[track_caller]
    pub fn build_twice(&self, name: &str, anew: &str) -> String {
        let (said, digest) = self.build(name, &["--no-cache-filter", anew]);
        let (again, same) = self.build(name, &[]);
        assert_eq!(digest, same, "{name} is another image the second time:\n{again}");
        let done = not_cached(&again);
        assert!(done.is_empty(), "{name}: steps were done again, {done:?}:\n{again}");
        said
    }

    /// Runs an image to its end; its standard output.
    #[track_caller]
    pub fn run(&self, name: &str, arguments: &[&str]) -> String {
        let mut command = self.rbuild();
        command.arg("run").arg(format!("examples/{name}")).arg("--").args(arguments);
        let output = command.output().expect("it starts");
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    /// Starts an image that serves, on a free port.
    #[track_caller]
    pub fn serve(&self, name: &str) -> Service {
        let mut command = self.rbuild();
        command.arg("run").arg(format!("examples/{name}")).args(["--", "0"]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("listening on ").map(str::to_string);
        Service { child, address: address.unwrap_or_else(|| panic!("{name} said {line:?}")) }
    }

    /// The size of the image's own layers and its config, as `inspect` shows them.
    #[track_caller]
    pub fn inspect(&self, name: &str) -> String {
        let output = self.rbuild().arg("inspect").arg(format!("examples/{name}")).output();
        let output = output.expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }
}

/// An image that runs and listens; ended when dropped.
pub struct Service {
    child: Child,
    address: String,
}

impl Service {
    /// One request on a connection of its own: status and body.
    #[track_caller]
    pub fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}",
            self.address
        )
        .expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
        let body = text.split_once("\r\n\r\n").map(|(_, body)| body.to_string());
        (status.unwrap_or_else(|| panic!("{text:?}")), body.unwrap_or_default())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(pid) = rustix::process::Pid::from_raw(self.child.id().cast_signed()) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

/// A file or directory of `examples/`.
pub fn project(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

/// The release of the distribution that this machine runs, whose archives it knows.
fn suite() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let value = |name: &str| {
        let line = release.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.map(|value| value.trim_matches('"').to_string())
    };
    match value("ID").as_deref() {
        Some("debian" | "ubuntu") => value("VERSION_CODENAME").unwrap_or_else(|| "stable".to_string()),
        _ => "stable".to_string(),
    }
}

/// The steps of the Dockerfile that a build did, by what it said.
fn not_cached(said: &str) -> Vec<String> {
    let steps = said.lines().filter_map(|line| {
        let (number, name) = line.strip_prefix('#')?.split_once(' ')?;
        let step =
            name.starts_with('[') && ["RUN ", "COPY ", "ADD ", "WORKDIR "].iter().any(|i| name.contains(i));
        step.then(|| (number.to_string(), name.to_string()))
    });
    let steps: Vec<_> = steps.collect();
    assert!(!steps.is_empty(), "no step is named:\n{said}");
    let cached = |number: &str| said.lines().any(|line| line == format!("#{number} CACHED"));
    steps.into_iter().filter(|(number, _)| !cached(number)).map(|(_, name)| name).collect()
}
