//! A small root of busybox, and a way to try each claim as root and as an ordinary user with subordinate ids.
#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use rbuild::sandbox::{
    Access, Cancel, Capabilities, Depth, Directory, Error, Exit, Mount, MountKind, Network, Process, Root,
    Security, Spec, Stdio, Stream, run,
};
use rbuild::sys::signals::Signals;
use rbuild::sys::userns::{Inherit, enter};
use rbuild::sys::{Privilege, privilege};
use rbuild::tree::RootPath;

const BUSYBOX: &str = "/bin/busybox";
const USER: &str = "rbuild-test";
/// Set in the process that tries one claim inside a user namespace.
pub(crate) const INSIDE: &str = "RBUILD_TEST_INSIDE";

/// Prints why a claim was not tried; fails instead where the environment asks for it.
pub(crate) fn skip(why: &str) {
    assert!(std::env::var_os("RBUILD_REQUIRE").is_none(), "SKIPPED: {why}");
    // Straight to the descriptor: the test harness would swallow it.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

/// Tries a claim with each privilege that can be had here. `name` is the test's full name.
pub(crate) fn claim(name: &str, check: fn(&World)) {
    if !Path::new(BUSYBOX).exists() {
        return skip("there is no /bin/busybox (install busybox-static)");
    }
    match privilege() {
        Privilege::UserNamespace => check(&World::new()),
        Privilege::Root => {
            check(&World::new());
            as_ordinary_user(name);
        }
        Privilege::NeedsUserNamespace if std::env::var_os(INSIDE).is_some() => {
            let code = enter(&Inherit::default(), &Signals::block().unwrap());
            std::process::exit(i32::from(code.unwrap()));
        }
        Privilege::NeedsUserNamespace => {
            if let Err(error) = rbuild::sandbox::probe() {
                return skip(&error.to_string());
            }
            let program = std::env::current_exe().unwrap();
            finish(Command::new(program).args(arguments(name)).env(INSIDE, "1"));
        }
    }
}

fn arguments(name: &str) -> [&str; 3] {
    [name, "--exact", "--nocapture"]
}

fn finish(command: &mut Command) {
    let output = command.output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "as an ordinary user: {text}");
}

fn as_ordinary_user(name: &str) {
    let Some(ids) = ordinary_user() else {
        return skip("no ordinary user with subordinate ids could be made (useradd, newuidmap, setpriv)");
    };
    let directory = reachable_directory();
    finish(command_as(&ids, directory.path(), name).env(INSIDE, "1"));
}

/// For a copy of this program: not every user can reach the directory that this program was built in.
pub(crate) fn reachable_directory() -> tempfile::TempDir {
    tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o755)).tempdir().unwrap()
}

/// This program, trying one test as a user and group, from a copy in a directory.
pub(crate) fn command_as(ids: &(String, String), directory: &Path, name: &str) -> Command {
    let program = directory.join("tests");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut command = Command::new("setpriv");
    command.env_clear().args(["--reuid", &ids.0, "--regid", &ids.1, "--clear-groups"]);
    command.arg(&program).args(arguments(name)).current_dir("/");
    for kept in ["PATH", "RBUILD_REQUIRE", "TMPDIR", "RUST_BACKTRACE"] {
        if let Some(value) = std::env::var_os(kept) {
            command.env(kept, value);
        }
    }
    command
}

/// The user and group that tests run as, made if need be.
pub(crate) fn ordinary_user() -> Option<(String, String)> {
    // One at a time: each test may be a process of its own.
    let lock = std::fs::File::create(std::env::temp_dir().join("rbuild-test-user.lock")).ok()?;
    lock.lock().ok()?;
    let known = |file: &str| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        text.lines().find(|line| line.starts_with("rbuild-test:")).map(str::to_owned)
    };
    let succeeds = |program: &str, arguments: &[&str]| {
        Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
    };
    if known("/etc/passwd").is_none() {
        succeeds("useradd", &["--system", "--user-group", "--no-create-home", "--shell", "/bin/sh", USER]);
    }
    if known("/etc/subuid").is_none() {
        succeeds("usermod", &["--add-subuids", "3000000-3065535", USER]);
    }
    if known("/etc/subgid").is_none() {
        succeeds("usermod", &["--add-subgids", "3000000-3065535", USER]);
    }
    known("/etc/subuid").and(known("/etc/subgid"))?;
    let has_helpers =
        succeeds("sh", &["-c", "command -v newuidmap && command -v newgidmap && command -v setpriv"]);
    let line = has_helpers.then(|| known("/etc/passwd"))??;
    let mut ids = line.split(':').skip(2).map(str::to_owned);
    ids.next().zip(ids.next())
}

/// Directories for sandboxes over one busybox root.
pub(crate) struct World {
    directory: tempfile::TempDir,
}

/// What a sandbox said and how it ended.
pub(crate) struct Outcome {
    pub(crate) exit: Exit,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl World {
    fn new() -> World {
        let directory = tempfile::tempdir().unwrap();
        let bin = directory.path().join("lower/bin");
        for made in ["lower/bin", "lower/etc", "lower/tmp", "lower/work"] {
            std::fs::create_dir_all(directory.path().join(made)).unwrap();
        }
        std::fs::copy(BUSYBOX, bin.join("busybox")).unwrap();
        let list = Command::new(BUSYBOX).arg("--list").output().unwrap();
        for applet in String::from_utf8(list.stdout).unwrap().lines().filter(|applet| *applet != "busybox") {
            symlink("busybox", bin.join(applet)).unwrap();
        }
        let world = World { directory };
        world.chmod("lower/tmp", 0o1777);
        world.renew();
        world
    }

    fn chmod(&self, path: &str, mode: u32) {
        std::fs::set_permissions(self.path(path), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Fresh directories for changes: those of an overlay are used once.
    pub(crate) fn renew(&self) {
        for name in ["upper", "work"] {
            let _ = std::fs::remove_dir_all(self.path(name));
            std::fs::create_dir(self.path(name)).unwrap();
            self.chmod(name, 0o755);
        }
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.directory.path().join(below)
    }

    pub(crate) fn spec(&self, argv: &[&str]) -> Spec {
        Spec {
            root: self.overlay("upper", "work"),
            process: Process {
                argv: argv.iter().map(|argument| argument.as_bytes().to_vec()).collect(),
                env: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
                cwd: RootPath::root(),
                uid: 0,
                gid: 0,
                groups: Vec::new(),
                capabilities: Capabilities::DEFAULT,
                rlimits: Vec::new(),
            },
            hostname: "box".to_owned(),
            mounts: Vec::new(),
            network: Network::Host,
            security: Security::Sandbox,
            shm_size: 64 << 20,
            emulator: None,
            relay: None,
            stdio: Stdio::Captured,
        }
    }

    pub(crate) fn overlay(&self, upper: &str, work: &str) -> Root {
        let lower = vec![Directory::Path(self.path("lower"))];
        Root { lower, upper: self.path(upper), work: self.path(work) }
    }

    pub(crate) fn sh(&self, script: &str) -> Outcome {
        self.run(&self.spec(&["sh", "-c", script])).unwrap()
    }

    pub(crate) fn run(&self, spec: &Spec) -> Result<Outcome, Error> {
        self.renew();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut keep = |stream, bytes: &[u8]| match stream {
            Stream::Out => out.extend_from_slice(bytes),
            Stream::Err => err.extend_from_slice(bytes),
        };
        let exit = run(spec, &mut keep, &Cancel::new().unwrap())?;
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ok(Outcome { exit, out: text(out), err: text(err) })
    }

    /// Everything in the upper directory, sorted.
    pub(crate) fn changed(&self) -> Vec<String> {
        let mut found = Vec::new();
        let upper = self.path("upper");
        for entry in walkdir::WalkDir::new(&upper).min_depth(1) {
            found.push(entry.unwrap().path().strip_prefix(&upper).unwrap().display().to_string());
        }
        found.sort();
        found
    }
}

/// A bind mount.
pub(crate) fn bind(target: &str, source: &Path, access: Access) -> Mount {
    let kind = MountKind::Bind { source: Directory::Path(source.to_owned()), access, depth: Depth::One };
    Mount { target: RootPath::clean(target).unwrap(), kind }
}

/// A file in memory.
pub(crate) fn file(target: &str, bytes: &[u8]) -> Mount {
    let kind =
        MountKind::File { bytes: bytes.to_vec(), mode: 0o400, uid: 0, gid: 0, access: Access::ReadWrite };
    Mount { target: RootPath::clean(target).unwrap(), kind }
}

/// A test that tries its body as root and as an ordinary user.
macro_rules! claims {
    ($(fn $name:ident($world:ident) $body:block)*) => {
        $(#[test]
        fn $name() {
            fn check($world: &crate::sandbox_world::World) $body
            let module = module_path!();
            let module = module.split_once("::").map_or("", |(_, rest)| rest);
            crate::sandbox_world::claim(&format!("{module}::{}", stringify!($name)), check);
        })*
    };
}

pub(crate) use claims;
