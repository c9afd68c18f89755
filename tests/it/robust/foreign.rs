//! RUN for another processor: Debian's arm64 busybox on this machine, as root and as an ordinary user.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::digest;
use super::user::{NAME, User};
use crate::e2e::{Said, Workshop, finish, root_around, tools};
use crate::sandbox_foreign::has_emulator;
use crate::snapshot_fixture::skip;

pub(crate) const ARM: &str = "linux/arm64";

/// What it makes depends on nothing but the processor: no kernel's version, no `ls -l`.
pub(crate) const TEXT: &str = "FROM arm AS one\nWORKDIR /w\nCOPY . ./\n\
    RUN uname -m > machine && id > id && chown 5:7 id && ln -s id link && mkfifo pipe && echo \"$0\" > zero\n\
    RUN [\"busybox\", \"cp\", \"-a\", \"machine\", \"copy\"]\n\
    USER app\nRUN id > /tmp/who && (exec -a sh busybox -c 'echo $$ $0') > /tmp/zero && cat /proc/self/comm >> /tmp/who\n\
    RUN --mount=type=cache,target=/c,uid=1000 --mount=type=tmpfs,target=/x touch /c/a /x/a && stat -c '%n %a %u:%g %s' /w/* > /tmp/list\n";

/// Debian's static busybox for arm64, fetched once for all tests of this build; none, loudly, without it.
pub(crate) fn arm_busybox() -> Option<Vec<u8>> {
    if std::env::consts::ARCH != "x86_64" {
        skip("arm64 is no foreign processor here");
        return None;
    }
    if !has_emulator("qemu-aarch64-static") || !tools(&["apt-get", "dpkg-deb"]) {
        return None;
    }
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let program = directory.join("busybox-arm64");
    // One at a time: each test is a process of its own.
    let lock = std::fs::File::create(directory.join("busybox-arm64.lock")).unwrap();
    lock.lock().unwrap();
    if !program.exists() {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign-busybox.sh");
        let output = Command::new("sh").args([script, "arm64"]).arg(&program).output().unwrap();
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            skip(&format!("Debian's arm64 busybox cannot be fetched: {said}"));
            return None;
        }
    }
    Some(std::fs::read(program).unwrap())
}

/// A workshop in which `busybox` is this machine's and `arm` the other, and a build of it.
fn shop() -> Option<Workshop> {
    let busybox = arm_busybox()?;
    let shop = Workshop::new()?;
    let tar = shop.write_at("arm.tar", root_around(&busybox));
    shop.rbuild(&["import", "--platform", ARM, tar.to_str().unwrap(), "arm"]).ok();
    shop.write("file", "file\n");
    shop.write("Dockerfile", TEXT);
    Some(shop)
}

fn user(shop: &Workshop) -> Option<User> {
    let user = User::with(NAME, true, shop)?;
    std::fs::copy(shop.at("arm.tar"), user.at("arm.tar")).unwrap();
    finish(user.command(&["import", "--platform", ARM, "arm.tar", "arm"]), b"").ok();
    Some(user)
}

/// The user's build inside a user namespace whose `binfmt_misc` has a handler, as a host's would: nothing of this
/// machine is changed.
fn below_a_handler(user: &User, flags: &str, before: &str, args: &[&str]) -> Said {
    let mut command = user.command(&[]);
    let program: PathBuf = user.at("rbuild");
    command = {
        let mut unshare = Command::new("unshare");
        unshare.args(["--user", "--map-root-user", "--map-auto", "--mount", "sh", "-euc"]);
        let pattern = ":M::\\x7f\\x45\\x4c\\x46\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00\
                       :\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff\\xff:";
        unshare.arg(format!(
            "mount -t binfmt_misc none /proc/sys/fs/binfmt_misc\n\
             echo ':any-name{pattern}/usr/bin/qemu-aarch64-static:{flags}' > /proc/sys/fs/binfmt_misc/register\n\
             {before}\nexec \"$0\" \"$@\""
        ));
        unshare.arg(program).args(args).env_clear();
        for (name, value) in command.get_envs() {
            unshare.env(name, value.unwrap_or_default());
        }
        std::os::unix::process::CommandExt::uid(&mut unshare, user.uid);
        std::os::unix::process::CommandExt::gid(&mut unshare, user.gid);
        unshare.current_dir(user.home.path());
        unshare
    };
    finish(command, b"")
}

#[test]
fn root_and_an_ordinary_user_build_one_digest_for_a_foreign_processor() {
    let Some(shop) = shop() else { return };
    let out = shop.arg("out");
    let said = shop.again(&["--platform", ARM, "-o", &format!("type=local,dest={out}")]).ok();
    let read = |path: &str| std::fs::read_to_string(shop.at("out").join(path)).unwrap();
    assert_eq!((read("w/machine"), read("w/copy")), ("aarch64\n".into(), "aarch64\n".into()));
    assert_eq!(read("w/id"), "uid=0(root) gid=0(root) groups=0(root)\n");
    assert_eq!(
        read("tmp/who").lines().next(),
        Some("uid=1000(app) gid=1001(app) groups=1001(app),1002(extra)")
    );
    assert!(read("tmp/zero").ends_with(" sh\n"), "{}", read("tmp/zero"));
    let files: Vec<_> = walkdir::WalkDir::new(shop.at("out")).into_iter().flatten().collect();
    let has_trace = |name: &str| name.contains("qemu") || name.contains("binfmt") || name == "program";
    assert!(!files.iter().any(|file| has_trace(&file.file_name().to_string_lossy())));
    drop(said);
    let root = digest(&shop.again(&["--platform", ARM]).ok().stderr);

    let Some(user) = user(&shop) else { return };
    let args = ["build", "--no-cache", "--platform", ARM, "context"];
    assert_eq!(digest(&finish(user.command(&args), b"").ok().stderr), root);
    // Under a handler of the host's; one that is disabled, or that wants its interpreter in the root, is passed over.
    assert_eq!(digest(&below_a_handler(&user, "POF", "", &args).ok().stderr), root);
    let disable = "echo 0 > /proc/sys/fs/binfmt_misc/any-name";
    assert_eq!(digest(&below_a_handler(&user, "POF", disable, &args).ok().stderr), root);
    assert_eq!(digest(&below_a_handler(&user, "PO", "", &args).ok().stderr), root);
}

#[test]
fn without_an_emulator_the_error_says_what_to_install_and_a_handler_of_the_hosts_is_enough() {
    let Some(shop) = shop() else { return };
    let Some(user) = user(&shop) else { return };
    let args = ["build", "--platform", ARM, "context"];
    let hide = "mount --bind /dev/null /usr/bin/qemu-aarch64-static";
    let said = below_a_handler(&user, "PO", hide, &args);
    said.fails(&[
        "this linux/amd64 machine cannot run programs of linux/arm64",
        "the host's handler any-name has no flag F and needs /usr/bin/qemu-aarch64-static, which is not in the image",
        "there is neither qemu-aarch64-static nor qemu-aarch64 in PATH",
        "fix: apt-get install qemu-user-static",
    ]);
    let disable = format!("{hide}\necho 0 > /proc/sys/fs/binfmt_misc/any-name");
    below_a_handler(&user, "POF", &disable, &args).fails(&["the host's handler any-name is disabled"]);
    below_a_handler(&user, "POF", hide, &args).ok();
}

#[test]
fn an_image_of_a_foreign_processor_is_run_and_its_exit_code_passed_on() {
    let Some(shop) = shop() else { return };
    shop.again(&["--platform", ARM]).ok();
    let said = shop.rbuild(&["run", "it", "--", "sh", "-c", "uname -m; exit 42"]);
    assert_eq!((said.code, said.out().as_str()), (Some(42), "aarch64\n"));
    shop.rbuild(&["run", "--platform", "linux/s390x", "it", "--", "true"])
        .fails(&["it is for linux/arm64, not for linux/s390x"]);
    let Some(user) = user(&shop) else { return };
    let said = finish(user.command(&["run", "arm", "--", "uname", "-m"]), b"").ok();
    assert_eq!(said.out(), "aarch64\n");
}

/// A base for two platforms, and an image on it with RUN in both and in a stage that serves both.
#[test]
fn an_image_for_two_platforms_runs_steps_in_both_as_root_and_as_an_ordinary_user() {
    let Some(shop) = shop() else { return };
    let both = ["--platform", "linux/amd64,linux/arm64"];
    std::fs::copy(shop.at("arm.tar"), shop.context().join("arm64.tar")).unwrap();
    std::fs::copy(shop.at("busybox.tar"), shop.context().join("amd64.tar")).unwrap();
    shop.write("Base", "FROM scratch\nARG TARGETARCH\nADD $TARGETARCH.tar /\n");
    shop.write(
        "Dockerfile",
        "FROM --platform=$BUILDPLATFORM base AS tools\nRUN uname -m > /built-on\n\
         FROM base AS app\nARG TARGETARCH\nRUN uname -m > /machine && echo $TARGETARCH > /arch && chown app /arch\n\
         COPY --from=tools /built-on /\nUSER app\nRUN cat /machine /built-on > /tmp/both\n",
    );
    let build = |command: &dyn Fn(&[&str]) -> Said| {
        command(&[&["build", "-t", "base", "-f", "context/Base"], &both[..], &["context"]].concat()).ok();
        command(&[&["build", "-t", "it"], &both[..], &["context"]].concat()).ok()
    };
    let root = build(&|args| shop.rbuild(args));
    let run = |platform: &str| {
        let said = shop.rbuild(&["run", "--platform", platform, "it", "--", "cat", "/tmp/both", "/arch"]);
        said.ok().out()
    };
    assert_eq!(run("linux/arm64"), "aarch64\nx86_64\narm64\n");
    assert_eq!(run("linux/amd64"), "x86_64\nx86_64\namd64\n");
    let Some(user) = user(&shop) else { return };
    let said = build(&|args| finish(user.command(args), b""));
    assert_eq!(digest(&said.stderr), digest(&root.stderr));
}
