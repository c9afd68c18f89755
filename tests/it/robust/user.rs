//! RUN as an ordinary user with subordinate ids, and what is said to one who has none.

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{Running, digest, processes, wait_until};
use crate::e2e::{Workshop, finish, tools};
use crate::registry_proxy::{Proxy, count};
use crate::registry_server::Registry;
use crate::snapshot_fixture::skip;

/// A user of the machine, a home of theirs, and the program where they can start it.
pub(super) struct User {
    pub(super) home: tempfile::TempDir,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

pub(super) const NAME: &str = "rbuild-test";
const NAME_WITHOUT: &str = "rbuild-test-bare";

fn ids(name: &str) -> Option<(u32, u32)> {
    let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

impl User {
    /// A user with subordinate ids, or without. Made on the machine if need be, which takes root.
    fn new(name: &str, subordinate: bool) -> Option<User> {
        if !rustix::process::geteuid().is_root() {
            skip("making a user takes root");
            return None;
        }
        if !tools(&["useradd", "newuidmap", "newgidmap"]) {
            return None;
        }
        // Two tests may be at it at once: one of them makes the user, and both find it.
        let range = if subordinate { "SUB_UID_COUNT=65536" } else { "SUB_UID_COUNT=0" };
        let groups = if subordinate { "SUB_GID_COUNT=65536" } else { "SUB_GID_COUNT=0" };
        for _ in 0..20 {
            if ids(name).is_some() {
                break;
            }
            let mut command = Command::new("useradd");
            command.args(["--no-create-home", "-K", range, "-K", groups, name]);
            let _ = command.stderr(Stdio::null()).status();
            std::thread::sleep(Duration::from_millis(100));
        }
        let Some((uid, gid)) = ids(name) else {
            skip("useradd made no user");
            return None;
        };
        let has = std::fs::read_to_string("/etc/subuid").unwrap_or_default();
        let has = has.lines().any(|line| line.split(':').next() == Some(name));
        if has != subordinate {
            skip("the user has other subordinate ids than were asked for");
            return None;
        }
        let home = tempfile::Builder::new().prefix("rbuild-user-").tempdir_in("/var/tmp").unwrap();
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::copy(env!("CARGO_BIN_EXE_rbuild"), home.path().join("rbuild")).unwrap();
        chown(home.path(), Some(uid), Some(gid)).unwrap();
        Some(User { home, uid, gid })
    }

    pub(super) fn at(&self, path: &str) -> PathBuf {
        self.home.path().join(path)
    }

    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.at("rbuild"));
        command.args(args).env_clear().env("HOME", self.home.path());
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").current_dir(self.home.path());
        command.uid(self.uid).gid(self.gid);
        command
    }

    /// Brings base and context over, and imports the base.
    pub(super) fn with(name: &str, subordinate: bool, shop: &Workshop) -> Option<User> {
        let user = User::new(name, subordinate)?;
        std::fs::copy(shop.at("busybox.tar"), user.at("busybox.tar")).unwrap();
        copy_tree(&shop.context(), &user.at("context"));
        finish(user.command(&["import", "busybox.tar", "busybox"]), b"").ok();
        Some(user)
    }

    fn write(&self, text: &str) {
        std::fs::write(self.at("context/Dockerfile"), text).unwrap();
    }
}

impl Drop for User {
    fn drop(&mut self) {
        // Made inside the namespace, of ids that only root may remove.
        let _ = std::fs::remove_dir_all(self.home.path());
    }
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o755)).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

// No `ls -l`: it shows the minute of a file that the RUN made.
const TEXT: &str = "FROM busybox AS one\nWORKDIR /w\nCOPY . ./\n\
    RUN id > id && cat f* > all && chown 5:7 all && mkdir -m 2750 d && chown app:extra d && stat -c '%n %a %u:%g %s' * > list\n\
    USER app\nRUN id > /tmp/who && touch /tmp/mine\nFROM busybox\nCOPY --from=one --chown=app /w /w\n\
    COPY --from=one /tmp /t\nRUN --mount=type=tmpfs,target=/x --mount=type=cache,target=/c touch /x/a /c/a && stat -c '%n %a %u:%g %s' /w/* /t/* > /list\n";

fn shop() -> Option<Workshop> {
    let shop = Workshop::new()?;
    for index in 0..5 {
        shop.write(&format!("f{index}"), format!("{index}\n"));
    }
    shop.write("Dockerfile", TEXT);
    Some(shop)
}

#[test]
fn root_and_an_ordinary_user_build_one_digest() {
    let Some(shop) = shop() else { return };
    let Some(user) = User::with(NAME, true, &shop) else { return };
    let root = digest(&shop.again(&[]).ok().stderr);
    let first = finish(user.command(&["build", "-t", "it", "context"]), b"").ok();
    assert_eq!(digest(&first.stderr), root);
    let later = finish(user.command(&["build", "--no-cache", "context"]), b"").ok();
    assert_eq!(digest(&later.stderr), root);
    // A context through standard input passes the namespace, too.
    let tar = Command::new("tar")
        .args(["-C", "context", "-c", "."])
        .current_dir(user.home.path())
        .output()
        .unwrap();
    let piped = finish(user.command(&["build", "--no-cache", "-"]), &tar.stdout).ok();
    assert_eq!(digest(&piped.stderr), root);
}

#[test]
fn a_user_runs_images_prunes_and_counts_a_store_with_subordinate_ids() {
    let Some(shop) = shop() else { return };
    let Some(user) = User::with(NAME, true, &shop) else { return };
    finish(user.command(&["build", "-t", "it", "context"]), b"").ok();
    let said = finish(user.command(&["run", "it", "--", "sh", "-c", "cat; id -u; exit 42"]), b"hello\n");
    assert_eq!((said.code, said.out().as_str()), (Some(42), "hello\n0\n"));
    let said = finish(user.command(&["du"]), b"").ok();
    assert!(said.out().contains("snapshot"), "{}", said.out());
    let foreign = || {
        let files = walkdir::WalkDir::new(user.at(".local")).into_iter().filter_map(Result::ok);
        files.filter(|e| std::os::unix::fs::MetadataExt::uid(&e.metadata().unwrap()) != user.uid).count()
    };
    assert!(foreign() > 0, "something belongs to subordinate ids");
    finish(user.command(&["prune", "--all"]), b"").ok();
    assert_eq!(foreign(), 0);
    finish(user.command(&["build", "-t", "it", "context"]), b"").ok();
}

#[test]
fn signals_and_exit_codes_pass_the_namespace() {
    let Some(shop) = shop() else { return };
    let Some(user) = User::with(NAME, true, &shop) else { return };
    for (index, signal) in [Signal::INT, Signal::TERM, Signal::HUP].into_iter().enumerate() {
        let mark = format!("7{index}{}", std::process::id());
        user.write(&format!("FROM busybox\nRUN sleep {mark}\n"));
        let mut running = Running::start(user.command(&["build", "context"]), &shop.at("log"));
        wait_until("the RUN", || !processes(&format!("sleep {mark}")).is_empty());
        running.signal(signal);
        let (code, took) = running.end();
        assert_eq!(code, Some(130), "{}", running.said());
        assert!(took < Duration::from_secs(2), "{took:?}");
        assert_eq!(processes(&format!("sleep {mark}")), Vec::<String>::new());
    }
    user.write("FROM busybox\nRUN exit 9\n");
    finish(user.command(&["build", "context"]), b"").fails(&["exit code: 9"]);
    // And the death that nobody can catch takes everything with it.
    let mark = format!("79{}", std::process::id());
    user.write(&format!("FROM busybox\nRUN sleep {mark}\n"));
    let mut running = Running::start(user.command(&["build", "context"]), &shop.at("log"));
    wait_until("the RUN", || !processes(&format!("sleep {mark}")).is_empty());
    running.signal(Signal::KILL);
    let start = Instant::now();
    running.end();
    wait_until("the end of all", || processes(&format!("sleep {mark}")).is_empty());
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[test]
fn without_subordinate_ids_the_file_and_the_line_are_named() {
    let Some(shop) = shop() else { return };
    let Some(user) = User::with(NAME_WITHOUT, false, &shop) else { return };
    let said = finish(user.command(&["build", "context"]), b"");
    said.fails(&["subordinate ids", "/etc/subuid", &format!("{NAME_WITHOUT}:"), ":65536", "sudo"]);
    // Where nothing runs, nothing is needed.
    user.write("FROM busybox\nCOPY f0 /f\nWORKDIR /new\nENV A=1\n");
    finish(user.command(&["build", "context"]), b"").ok();
}

#[test]
fn without_newuidmap_the_program_and_its_package_are_named() {
    let Some(shop) = shop() else { return };
    let Some(user) = User::with(NAME, true, &shop) else { return };
    let mut command = user.command(&["build", "context"]);
    command.env("PATH", "/nowhere");
    finish(command, b"").fails(&["newuidmap", "PATH", "uidmap", "sudo"]);
}

#[test]
fn where_no_new_privileges_are_set_the_setting_is_named() {
    let Some(shop) = shop() else { return };
    let Some(user) = User::with(NAME, true, &shop) else { return };
    if !tools(&["setpriv"]) {
        return;
    }
    let mut command = Command::new("setpriv");
    command.arg("--no-new-privs").arg(user.at("rbuild")).args(["build", "context"]);
    command.current_dir(user.home.path()).env("HOME", user.home.path()).uid(user.uid).gid(user.gid);
    finish(command, b"").fails(&["NoNewPriv"]);
}

#[test]
fn a_build_without_run_needs_no_namespace() {
    let Some(shop) = shop() else { return };
    let Some(user) = User::with(NAME, true, &shop) else { return };
    if !tools(&["unshare"]) {
        return;
    }
    let text =
        "FROM busybox AS one\nCOPY . /c\nFROM busybox\nCOPY --from=one --chown=app:extra /c /d\nWORKDIR /w\n";
    shop.write("Dockerfile", text);
    user.write(text);
    let root = digest(&shop.again(&[]).ok().stderr);
    // In a namespace that allows no further one; the shell proves it.
    let script = "echo 0 > /proc/sys/user/max_user_namespaces && ! unshare -U true 2>/dev/null && exec ./rbuild build context";
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "sh", "-c", script]);
    command.current_dir(user.home.path()).env("HOME", user.home.path()).uid(user.uid).gid(user.gid);
    command.env("RBUILD_ROOT", user.at(".local/share/rbuild"));
    let said = finish(command, b"").ok();
    assert_eq!(digest(&said.stderr), root);
}

#[test]
fn a_build_that_goes_on_in_a_namespace_asks_a_registry_once() {
    if !tools(&["docker-registry"]) {
        return;
    }
    let Some(shop) = shop() else { return };
    let Some(user) = User::with(NAME, true, &shop) else { return };
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::start(dir.path(), "", "");
    let proxy = Proxy::before(registry.port);
    let name = proxy.name("team/base:1");
    shop.build("FROM busybox\nENV N=1\n", &["-o", &format!("type=registry,name={name}")]).ok();
    proxy.take();
    user.write(&format!(
        "FROM {name}\nRUN echo $N > /n\nFROM {name}\nCOPY --from={name} /bin/busybox /again\n"
    ));
    let asked = |args: &[&str]| {
        finish(user.command(&[&["build"], args, &["context"]].concat()), b"").ok();
        let log = proxy.take();
        (count(&log, "HEAD", "/manifests/"), count(&log, "GET", "/manifests/"))
    };
    assert_eq!(asked(&["--target", "0"]), (0, 1));
    assert_eq!(asked(&["--target", "0", "--no-cache", "--pull"]), (1, 0));
    shop.build("FROM busybox\nENV N=2\n", &["-o", &format!("type=registry,name={name}")]).ok();
    proxy.take();
    assert_eq!(
        asked(&["--target", "0", "--pull"]),
        (1, 1),
        "what is new is fetched by the first process alone"
    );
}
