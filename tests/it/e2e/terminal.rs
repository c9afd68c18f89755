//! What a person sees.

use std::process::Command;

use super::workshop::{PROGRAM, Workshop, finish, tools};

#[test]
fn plain_progress_has_buildkits_shape() {
    let Some(shop) = Workshop::new() else { return };
    shop.build(
        "FROM busybox AS build\nRUN echo one; echo two >&2\nFROM scratch\nCOPY --from=build /etc/passwd /\n",
        &["-t", "second:2"],
    )
    .ok()
    .says(&[
        "[build 2/2] RUN echo one; echo two >&2\n",
        " one\n",
        " two\n",
        "[stage-1 1/1] COPY --from=build /etc/passwd /\n",
        "DONE 0.",
        "it:latest second:2",
    ]);
    let said = shop.again(&[]).ok();
    assert!(said.stderr.contains("[build 2/2] RUN echo one; echo two >&2\n#"), "{}", said.stderr);
    assert!(said.stderr.contains("CACHED\n"), "{}", said.stderr);
}

#[test]
fn escape_sequences_of_a_run_cannot_drive_the_terminal() {
    let Some(shop) = Workshop::new() else { return };
    let said = shop.build(
        "FROM busybox\nRUN printf 'before\\033[2J\\033]0;title\\007 \\302\\233 \\r over\\nnext\\n\\377\\n'; printf '\\033[31mred\\033[0m\\n'; exit 1\n",
        &["--build-arg", "X\u{1b}[2J=1", "--progress", "plain"],
    );
    let said = said.fails(&["before", "next"]);
    let bad = |c: char| c.is_control() && c != '\n';
    assert!(!said.stderr.contains(bad), "{:?}", said.stderr);
    let name = "evil\u{1b}[2Jname";
    shop.write(name, "");
    let said = shop
        .build(&format!("FROM scratch\nCOPY {name} /x\nCOPY missing\u{1b}[2J /\n"), &[])
        .fails(&["missing"]);
    assert!(!said.stderr.contains(bad), "{:?}", said.stderr);
}

/// Runs a build in a pseudo-terminal; all that it wrote there.
fn in_terminal(shop: &Workshop, more: &str) -> Option<(i32, String)> {
    if !tools(&["script"]) {
        return None;
    }
    let transcript = shop.at("transcript");
    let mut command = Command::new("script");
    let line = format!("stty cols 70 rows 20; {PROGRAM} build -t it {more} {}", shop.context().display());
    command.args(["--quiet", "--return", "--command", &line]).arg(&transcript);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
        .env("HOME", shop.at(""))
        .env("RBUILD_ROOT", shop.store())
        .env("TERM", "xterm")
        .env("SHELL", "/bin/sh");
    let said = finish(command, b"");
    let text = String::from_utf8_lossy(&std::fs::read(transcript).expect("there")).into_owned();
    Some((said.code.unwrap_or(-1), text))
}

#[test]
fn a_terminal_is_redrawn_and_ends_with_the_whole_account() {
    let Some(shop) = Workshop::new() else { return };
    shop.write("Dockerfile", "FROM busybox\nRUN for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo line $i; sleep 0.05; done; printf '\\033[2J\\033]0;x\\007'\nRUN sleep 0.2\n");
    let Some((code, text)) = in_terminal(&shop, "") else { return };
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("\x1b["), "nothing was redrawn: {text:?}");
    assert!(!text.contains("\x1b[2J") && !text.contains("\x1b]0;x"), "{text:?}");
    let end = text.rsplit("sha256:").next().expect("some");
    assert!(end.contains("it:latest"), "{text:?}");
    assert!(text.contains("[3/3] RUN sleep 0.2"));
    // No line is wider than the terminal: a wrapped one would break the redrawing.
    assert!(!text.contains("\x1b[?25l") || text.contains("\x1b[?25h"), "the cursor stays hidden");
}

#[test]
fn a_failure_in_a_terminal_shows_the_step_and_the_lines() {
    let Some(shop) = Workshop::new() else { return };
    shop.write("Dockerfile", "FROM busybox\nRUN echo last words; exit 5\n");
    let Some((code, text)) = in_terminal(&shop, "") else { return };
    assert_eq!(code, 1, "{text}");
    for part in ["last words", ">>> RUN echo last words", "exit code: 5"] {
        assert!(text.contains(part), "{part}: {text:?}");
    }
    assert_eq!(text.matches("failed to solve").count(), 1, "{text}");
    let Some((code, text)) = in_terminal(&shop, "--progress=plain") else { return };
    assert_eq!(code, 1);
    assert!(text.contains("ERROR: "), "{text}");
}

#[test]
fn the_environment_of_docker_users_is_honoured() {
    let Some(shop) = Workshop::new() else { return };
    shop.write("Dockerfile", "FROM busybox\nRUN echo \"$HTTP_PROXY $no_proxy\" > /p\n");
    shop.write_at(
        "docker/config.json",
        r#"{"proxies":{"default":{"httpProxy":"http://proxy.example:3128","noProxy":"a.example"}}}"#,
    );
    let context = shop.context().display().to_string();
    let docker = shop.arg("docker");
    let said = shop
        .rbuild_with(
            &["build", "-o", "-", &context],
            b"",
            &[("DOCKER_CONFIG", &docker), ("NO_COLOR", "1"), ("BUILDKIT_PROGRESS", "quiet")],
        )
        .ok();
    assert_eq!(super::image::flat(&said.stdout)["p"].text, "http://proxy.example:3128 a.example\n");
    assert!(!said.stderr.contains("load build definition"), "{}", said.stderr);
    let said = shop.rbuild_with(&["build", &context], b"", &[("DOCKER_DEFAULT_PLATFORM", "linux/mips64le")]);
    // The base is for this machine, so its programs run; that it is not what was asked for is said.
    assert!(said.code == Some(0) && said.stderr.contains("expected \"linux/mips64le\""), "{said:?}");
}
