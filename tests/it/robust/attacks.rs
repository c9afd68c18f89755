//! Attacks that other builders fell for, one test each, named after the report.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;
use std::time::{Duration, Instant};

use super::{processes, unique};
use crate::e2e::{Workshop, finish};

/// An image of busybox with some changes, as a base that an attacker made.
fn base(shop: &Workshop, change: impl FnOnce(&std::path::Path)) -> String {
    let root = shop.at(&format!("root-{}", unique()));
    std::fs::create_dir(&root).unwrap();
    let mut untar = Command::new("tar");
    untar.arg("-C").arg(&root).arg("-xf").arg(shop.at("busybox.tar"));
    assert!(untar.status().unwrap().success());
    change(&root);
    let tar = shop.arg("evil.tar");
    let mut pack = Command::new("tar");
    pack.args(["--owner=0", "--group=0", "--numeric-owner", "-C"]).arg(&root).args(["-cf", &tar, "."]);
    assert!(pack.status().unwrap().success());
    shop.rbuild(&["import", &tar, "evil"]).ok();
    "FROM evil\n".to_string()
}

fn link(to: &std::path::Path, at: std::path::PathBuf) {
    let _ = std::fs::remove_dir_all(&at);
    std::os::unix::fs::symlink(to, at).unwrap();
}

#[test]
fn cve_2024_21626_a_working_directory_is_never_a_descriptor_of_the_host() {
    let Some(shop) = Workshop::new() else { return };
    for descriptor in 3..30 {
        let text = format!(
            "FROM busybox\nWORKDIR /proc/self/fd/{descriptor}\nRUN cat ../../../etc/shadow; pwd -P; ls ..\n"
        );
        let said = shop.build(&text, &["--no-cache"]);
        if said.code == Some(0) {
            // A directory of that name in the image is nobody's descriptor.
            said.never_says(&["root:*", "root:$", "root:!"]);
        }
    }
    let text = "FROM busybox\nRUN ls /proc/self/fd > /fds; readlink /proc/self/cwd > /cwd; readlink /proc/1/cwd >> /cwd || :\n";
    let image = shop.image(text, &[]);
    // Besides the three: the directory that ls itself reads.
    assert_eq!(image.text("fds"), "0\n1\n2\n3\n");
    assert!(image.text("cwd").starts_with("/\n"), "{}", image.text("cwd"));
}

#[test]
fn cve_2025_31133_system_directories_that_are_links_lead_nowhere() {
    let Some(shop) = Workshop::new() else { return };
    for name in ["dev", "proc", "sys"] {
        let victim = shop.at(&format!("victim-{name}"));
        std::fs::create_dir(&victim).unwrap();
        std::fs::write(victim.join("keep"), "kept\n").unwrap();
        let mode = std::fs::metadata(&victim).unwrap().mode();
        let from = base(&shop, |root| link(&victim, root.join(name)));
        let said = shop.build(&format!("{from}RUN echo ran-in-{name}\n"), &[]);
        if said.code != Some(0) {
            said.fails(&[name]);
        }
        let left: Vec<_> = std::fs::read_dir(&victim).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["keep"], "/{name}");
        assert_eq!(std::fs::metadata(&victim).unwrap().mode(), mode);
    }
}

#[test]
fn cve_2025_52565_device_nodes_that_are_links_are_not_written_through() {
    let Some(shop) = Workshop::new() else { return };
    let victim = shop.at("victim");
    std::fs::write(&victim, "kept\n").unwrap();
    let from = base(&shop, |root| {
        std::fs::create_dir_all(root.join("dev/pts")).unwrap();
        for name in ["null", "console", "tty", "ptmx", "zero"] {
            link(&victim, root.join("dev").join(name));
        }
    });
    shop.build(&format!("{from}RUN echo lost > /dev/null; test -c /dev/null && test -c /dev/zero\n"), &[])
        .ok();
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "kept\n");
}

#[test]
fn cve_2024_23651_a_mount_source_that_is_a_link_stays_in_its_tree() {
    let Some(shop) = Workshop::new() else { return };
    shop.write("real/f", "inside\n");
    link(std::path::Path::new("/etc"), shop.context().join("out"));
    link(std::path::Path::new("../../../../../../etc"), shop.context().join("up"));
    for source in ["out", "up", "out/passwd", "../../etc"] {
        let text = format!(
            "FROM busybox\nRUN --mount=type=bind,source={source},target=/m cat /m/shadow /m/hostname /m\n"
        );
        let said = shop.build(&text, &[]);
        assert_eq!(said.code, Some(1), "{source}: {}", said.stderr);
        said.never_says(&["root:*", "root:!", "root:$"]);
    }
}

#[test]
fn cve_2024_23652_taking_away_a_mount_point_removes_nothing_elsewhere() {
    let Some(shop) = Workshop::new() else { return };
    let victim = shop.at("victim");
    std::fs::create_dir_all(victim.join("b")).unwrap();
    let text = format!(
        "FROM busybox\nRUN --mount=type=cache,target=/a/b/c mkdir /away; mv /a /away/a 2>/dev/null; \
         rm -rf /a 2>/dev/null; ln -s {} /a 2>/dev/null; true\n",
        victim.display()
    );
    shop.build(&text, &[]).ok();
    assert!(victim.join("b").is_dir());
    // A mount of a file in a directory that becomes a link to one that has a file of that name.
    std::fs::write(victim.join("f"), "").unwrap();
    let text = format!(
        "FROM busybox\nRUN --mount=type=secret,id=s,target=/d/f,required=false --mount=type=tmpfs,target=/d/t \
         umount /d/t /d/f; rm -rf /d; ln -s {} /d; true\n",
        victim.display()
    );
    shop.build(&text, &[]).ok();
    assert!(victim.join("f").is_file());
}

#[test]
fn cve_2024_23653_an_unknown_word_never_means_more_privilege() {
    let Some(shop) = Workshop::new() else { return };
    for flag in [
        "--security=Insecure",
        "--security=unconfined",
        "--security=",
        "--network=bridge",
        "--mount=type=host",
        "--privileged",
    ] {
        shop.build(&format!("FROM busybox\nRUN {flag} id\n"), &[]).fails(&["Dockerfile:2"]);
    }
}

#[test]
fn cve_2024_1753_a_bind_mount_from_an_image_follows_no_link_out_of_it() {
    let Some(shop) = Workshop::new() else { return };
    let from = base(&shop, |root| link(std::path::Path::new("/"), root.join("top")));
    shop.write("Dockerfile.evil", &from);
    for source in ["/top", "/top/etc"] {
        let text = format!(
            "{from}RUN --mount=type=bind,from=evil,source={source},target=/host,rw ls /host /host/etc 2>&1; \
             cat /host/shadow /host/etc/shadow; test ! -e /host/home/ && test ! -e /host/etc/shadow\n"
        );
        let said = shop.build(&text, &[]);
        said.never_says(&["root:*", "root:!", "root:$"]);
    }
}

#[test]
fn cve_2024_9675_an_id_of_a_cache_is_no_path() {
    let Some(shop) = Workshop::new() else { return };
    let victim = shop.at("victim");
    std::fs::create_dir(&victim).unwrap();
    for id in ["../../../..", "../victim", "/", &victim.display().to_string(), "a/../../../victim", "."] {
        let text = format!(
            "FROM busybox\nRUN --mount=type=cache,id={id},target=/c ls -A /c > /seen; echo x > /c/x\n"
        );
        let image = shop.image(&text, &[]);
        assert_eq!(image.text("seen"), "", "{id}");
    }
    assert_eq!(std::fs::read_dir(&victim).unwrap().count(), 0);
}

#[test]
fn cve_2024_9407_options_of_a_mount_cannot_be_smuggled_in() {
    let Some(shop) = Workshop::new() else { return };
    for option in [
        "bind-propagation=shared",
        "bind-nonrecursive=false,ro=\\,rw",
        "upperdir=/etc",
        "lowerdir=/",
        "size=1,mode=0",
    ] {
        shop.build(&format!("FROM busybox\nRUN --mount=type=bind,target=/m,{option} id\n"), &[])
            .fails(&["Dockerfile:2"]);
    }
}

#[test]
fn cve_2024_9676_a_passwd_file_that_is_a_link_is_read_in_the_image() {
    let Some(shop) = Workshop::new() else { return };
    let secret = shop.write_at("secret-passwd", "hostuser:x:4242:4242::/:/bin/sh\n");
    let from = base(&shop, |root| {
        std::fs::remove_file(root.join("etc/passwd")).unwrap();
        link(&secret, root.join("etc/passwd"));
    });
    shop.write("f", "f\n");
    shop.build(&format!("{from}COPY --chown=hostuser f /f\n"), &[]).fails(&["hostuser"]);
    shop.build(&format!("{from}USER hostuser\nRUN id\n"), &[]).fails(&["hostuser"]);
}

#[test]
fn cve_2025_4953_what_is_written_into_a_bind_mount_does_not_reach_the_host() {
    let Some(shop) = Workshop::new() else { return };
    let file = shop.write("f", "mine\n");
    let before = std::fs::metadata(&file).unwrap();
    let text = "FROM busybox\nRUN --mount=type=bind,target=/m,rw echo yours > /m/f; echo new > /m/n; chmod 777 /m /m/f; cat /m/f > /saw\n";
    let image = shop.image(text, &[]);
    assert_eq!(image.text("saw"), "yours\n");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine\n");
    let after = std::fs::metadata(&file).unwrap();
    assert_eq!(
        (after.mode(), after.mtime_nsec(), after.ctime_nsec()),
        (before.mode(), before.mtime_nsec(), before.ctime_nsec())
    );
    assert!(!shop.context().join("n").exists());
    // Nor the next RUN that mounts the same.
    let image =
        shop.image(&format!("{text}RUN --mount=type=bind,target=/m cat /m/f > /next; ls /m >> /next\n"), &[]);
    assert!(
        image.text("next").starts_with("mine\n") && !image.text("next").contains("\nn\n"),
        "{}",
        image.text("next")
    );
}

#[test]
fn what_a_run_leaves_running_ends_with_it() {
    let Some(shop) = Workshop::new() else { return };
    let mark = format!("8{}", std::process::id());
    let start = Instant::now();
    let text = format!(
        "FROM busybox\nRUN (sleep {mark} &) ; (trap '' HUP TERM INT; sleep {mark}) & echo started\n\
         RUN ps > /ps; ! grep 'sleep [8]{}' /ps\n",
        &mark[1..]
    );
    shop.build(&text, &[]).ok();
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    assert_eq!(processes(&format!("sleep {mark}")), Vec::<String>::new());
}

#[test]
fn a_link_of_the_context_to_a_file_of_the_host_is_copied_as_a_link() {
    let Some(shop) = Workshop::new() else { return };
    let secret = shop.write_at("outside", format!("secret-{}\n", unique()));
    link(&secret, shop.context().join("link"));
    link(secret.parent().unwrap(), shop.context().join("dir"));
    let image = shop.image("FROM busybox\nCOPY . /all/\n", &[]);
    assert_eq!(image.files["all/link"].kind, 'l');
    assert_eq!(image.files["all/dir"].kind, 'l');
    for text in [
        "COPY link /x",
        "COPY dir/outside /x",
        "COPY ../outside /x",
        "COPY /proc/self/environ /x",
        "ADD link /x",
    ] {
        let said = shop.build(
            &format!("FROM busybox\n{text}\n"),
            &["-o", &format!("type=tar,dest={}", shop.arg("x.tar"))],
        );
        if said.code == Some(0) {
            let tar = std::fs::read(shop.at("x.tar")).unwrap();
            let needle = std::fs::read(&secret).unwrap();
            assert!(!tar.windows(needle.len()).any(|window| window == needle), "{text}");
        }
    }
}

#[test]
fn a_dockerfile_that_is_a_link_out_of_the_context_is_not_read() {
    let shop = Workshop::bare();
    let outside = shop.write_at("outside", "FROM scratch\nLABEL leaked=yes\n");
    link(&outside, shop.context().join("Dockerfile"));
    let said = shop.again(&[]);
    assert_ne!(said.code, Some(0), "{}", said.stderr);
    said.never_says(&["leaked"]);
}

#[test]
fn cve_2026_33747_no_other_frontend_is_ever_run() {
    let Some(shop) = Workshop::new() else { return };
    shop.build("# syntax=evil.example/frontend:1\nFROM busybox\n", &[])
        .fails(&["syntax", "evil.example/frontend:1"]);
    shop.build("# syntax=docker/dockerfile:1\nFROM busybox\n", &[]).ok();
}

#[test]
fn values_of_arguments_are_data_and_never_run() {
    let Some(shop) = Workshop::new() else { return };
    let victim = shop.at("victim");
    let evil = format!("$(touch {0})`touch {0}`; touch {0}\n$X\"'", victim.display());
    let text = "FROM busybox\nARG X\nLABEL l=\"$X\"\nENV E=$X\nCOPY <<EOF /f\n$X\nEOF\nRUN printf '%s\\n' \"$E\" > /e\n";
    let image = shop.image(text, &["--build-arg", &format!("X={evil}")]);
    assert_eq!(image.config["config"]["Labels"]["l"], evil.as_str());
    assert_eq!(image.text("f"), format!("{evil}\n"));
    assert_eq!(image.text("e"), format!("{evil}\n"));
    assert!(!victim.exists() && !image.has(victim.to_str().unwrap().trim_start_matches('/')));
}

#[test]
fn escape_sequences_of_a_run_and_of_names_do_not_drive_the_terminal() {
    let Some(shop) = Workshop::new() else { return };
    let text = "FROM busybox AS a\u{1b}[31mb\nRUN true\n";
    let said = shop.build(text, &[]);
    assert!(!said.stderr.contains('\u{1b}'), "{:?}", said.stderr);
    let text = "FROM busybox\nRUN printf '\\033]0;title\\007\\033[2J\\033[1Adone\\r\\b\\302\\233x\\n'; echo '\u{1b}[7m' \u{202e}\n";
    for progress in ["plain", "auto"] {
        let said = shop.build(text, &["--no-cache", "--progress", progress]).ok();
        for bad in ['\u{1b}', '\u{7}', '\u{8}', '\u{9b}'] {
            assert!(!said.stderr.contains(bad), "{bad:?}: {:?}", said.stderr);
        }
        assert!(said.stderr.contains("done"));
    }
    let said = shop.build("FROM busybox\nRUN printf '\\033[2Jbad\\n'; exit 1\n", &[]).fails(&["bad"]);
    assert!(!said.stderr.contains('\u{1b}'), "{:?}", said.stderr);
    shop.build("FROM \u{1b}[2Jx\n", &[]).never_says(&["\u{1b}"]);
}

#[test]
fn cve_2024_24557_an_image_with_another_config_shares_no_step() {
    let Some(shop) = Workshop::new() else { return };
    let ran = |text: &str| {
        let said = shop.build(text, &[]).ok();
        said.stderr.lines().any(|line| line.ends_with(" ran-now") && !line.contains("RUN"))
    };
    assert!(ran("FROM busybox\nRUN echo ran-now\n"));
    for between in ["USER app", "WORKDIR /tmp", "ENV A=b", "SHELL [\"/bin/sh\", \"-ec\"]", "ARG Z=b"] {
        assert!(ran(&format!("FROM busybox\n{between}\nRUN echo ran-now\n")), "{between}");
    }
    // Concatenations that are equal are not.
    assert!(ran("FROM busybox\nENV A=bc D=e\nRUN echo ran-now\n"));
    assert!(ran("FROM busybox\nENV A=b CD=e\nRUN echo ran-now\n"));
}

#[test]
fn cve_2021_41091_nobody_else_can_look_into_a_store() {
    let Some(shop) = Workshop::new() else { return };
    shop.build("FROM busybox\nRUN echo x > /x\nRUN --mount=type=cache,target=/c echo c > /c/c\n", &[]).ok();
    let store = std::fs::metadata(shop.store()).unwrap();
    assert_eq!(store.permissions().mode() & 0o777, 0o700);
    if rustix::process::geteuid().is_root() {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new("ls");
        command.arg(shop.store()).uid(65534).gid(65534);
        assert_ne!(finish(command, b"").code, Some(0));
        // Nor can another user's directory be taken for a store.
        let theirs = shop.at("theirs");
        std::fs::create_dir(&theirs).unwrap();
        std::os::unix::fs::chown(&theirs, Some(65534), Some(65534)).unwrap();
        std::fs::set_permissions(shop.at(""), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// Where a secret could go: the store, outputs, both streams, the command lines and environments of all processes.
#[test]
fn a_secret_is_found_nowhere_but_in_its_run() {
    let Some(shop) = Workshop::new() else { return };
    let value = format!("s3cr3t-{}", unique());
    let file = shop.write_at("secret", &value);
    let text = "FROM busybox\nRUN --mount=type=secret,id=f,target=/run/f --mount=type=secret,id=e,env=TOKEN \
                test \"$(cat /run/f)\" = \"$TOKEN\" && test -n \"$TOKEN\" && echo same && sleep 1\n\
                RUN test ! -e /run/f && test -z \"$TOKEN\"\n";
    shop.write("Dockerfile", text);
    let mut command = shop.command();
    command.args([
        "build",
        "-t",
        "it",
        "--secret",
        &format!("id=f,src={}", file.display()),
        "--secret",
        "id=e,env=MINE",
    ]);
    command
        .args(["-o", &format!("type=oci,dest={}", shop.arg("out/x.tar"))])
        .arg("--metadata-file")
        .arg(shop.at("out/meta"));
    std::fs::create_dir(shop.at("out")).unwrap();
    command.arg(shop.context()).env("MINE", &value);
    let mut running = super::Running::start(command, &shop.at("out/log"));
    running.wait_for(" same");
    assert_eq!(processes(&value), Vec::<String>::new(), "in a command line");
    assert_eq!(running.end().0, Some(0), "{}", running.said());
    for place in [shop.store(), shop.at("out")] {
        assert_eq!(shop.holding(&place, value.as_bytes()), Vec::<std::path::PathBuf>::new());
    }
    let image = shop.image(
        text,
        &[
            "--secret",
            &format!("id=f,src={}", file.display()),
            "--secret",
            &format!("id=e,src={}", file.display()),
        ],
    );
    assert!(!image.config.to_string().contains(&value));
    assert!(!image.has("run/f"));
    // A failing step does not tell it either.
    let said = shop.build(
        "FROM busybox\nRUN --mount=type=secret,id=f exit 3\n",
        &["--secret", &format!("id=f,src={}", file.display())],
    );
    said.fails(&["exit code: 3"]).never_says(&[&value]);
}
