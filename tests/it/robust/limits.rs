//! Limits that the builder was started with.

use std::process::Command;

use crate::e2e::{Said, Workshop, finish};

/// Runs the program after `limits`, a line of shell.
fn limited(shop: &Workshop, limits: &str, args: &[&str]) -> Said {
    let command = shop.command();
    let mut limited = Command::new("sh");
    limited
        .env_clear()
        .arg("-c")
        .arg(format!("{limits}; exec \"$0\" \"$@\""))
        .arg(command.get_program())
        .args(args);
    limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    finish(limited, b"")
}

#[test]
fn a_build_opens_what_the_hard_limit_allows_and_a_run_has_the_limit_from_before() {
    let Some(shop) = Workshop::new() else { return };
    let stage = |n: u32| format!("FROM busybox AS s{n}\nRUN sleep 0.3; ulimit -n > /n; : {n}\n");
    let copy = |n: u32| format!("COPY --from=s{n} /n /{n}\n");
    let stages: String = (0..60).map(stage).collect();
    let copies: String = (0..60).map(copy).collect();
    let file = shop.write_at("many", format!("{stages}FROM scratch\n{copies}")).display().to_string();
    let context = shop.context().display().to_string();
    let output = format!("type=local,dest={}", shop.arg("out"));
    let args = ["build", "--jobs", "60", "-f", &file, "-o", &output, &context];
    limited(&shop, "ulimit -Sn 200; ulimit -Hn 4096", &args).ok();
    assert_eq!(std::fs::read_to_string(shop.at("out/59")).unwrap(), "200\n");
}

#[test]
fn a_file_that_may_not_grow_is_an_error_and_not_the_end() {
    let shop = Workshop::bare();
    shop.write("f", crate::e2e::noise(1, 3_000_000));
    let file = shop.write_at("copy", "FROM scratch\nCOPY f /\n").display().to_string();
    let context = shop.context().display().to_string();
    // In blocks of 512 bytes.
    limited(&shop, "ulimit -f 2000", &["build", "-f", &file, &context]).fails(&["File too large"]);
    shop.rbuild(&["build", "-f", &file, &context]).ok();
}
