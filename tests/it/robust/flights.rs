//! Many processes on one store: a step is done once, and by somebody else if who does it dies.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{Running, digest, leftovers, processes, unique, wait_until};
use crate::e2e::Workshop;

fn build(shop: &Workshop) -> Command {
    let mut command = shop.command();
    command.arg("build").arg(shop.context());
    command
}

#[test]
fn of_eight_builds_that_miss_the_same_key_one_runs_it() {
    let Some(shop) = Workshop::new() else { return };
    let word = unique();
    shop.write("f", "file\n");
    shop.write(
        "Dockerfile",
        format!(
            "FROM busybox\nCOPY f /f\nRUN sleep 1; echo ran-{word}\nRUN cat /f > /g; echo again-{word}\n"
        ),
    );
    let builds: Vec<_> = (0..8)
        .map(|_| {
            build(&shop).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let said: Vec<String> = builds
        .into_iter()
        .map(|child| {
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.success(), "{said}");
            said
        })
        .collect();
    for mark in [format!("ran-{word}"), format!("again-{word}")] {
        // The line of the command's output, not the one that names the step.
        let ran =
            said.iter().flat_map(|s| s.lines()).filter(|l| l.ends_with(&mark) && !l.contains("RUN")).count();
        assert_eq!(ran, 1, "{mark}");
    }
    assert!(said.iter().all(|s| digest(s) == digest(&said[0])));
    shop.again(&[]).ok();
    assert_eq!(leftovers(&shop.store()), Vec::<std::path::PathBuf>::new());
}

#[test]
fn when_who_runs_a_step_is_killed_who_waits_takes_over() {
    let Some(shop) = Workshop::new() else { return };
    let mark = format!("1.00{}", std::process::id());
    shop.write("Dockerfile", format!("FROM busybox\nRUN sleep {mark}; echo {} > /x\n", unique()));
    let mut first = Running::start(build(&shop), &shop.at("first"));
    wait_until("the first RUN", || !processes(&format!("sleep {mark}")).is_empty());
    let mut second = Running::start(build(&shop), &shop.at("second"));
    second.wait_for("RUN sleep");
    first.signal(Signal::KILL);
    let start = Instant::now();
    assert_eq!(first.end().0, None);
    let (code, _) = second.end();
    assert_eq!(code, Some(0), "{}", second.said());
    assert!(start.elapsed() > Duration::from_millis(900), "the second ran it itself");
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
    assert_eq!(processes(&format!("sleep {mark}")), Vec::<String>::new());
    shop.again(&[]).ok();
    assert_eq!(leftovers(&shop.store()), Vec::<std::path::PathBuf>::new());
}

/// Different and equal builds, all at once, on a cold store.
#[test]
fn eight_concurrent_builds_on_one_store_all_come_out_as_alone() {
    let Some(shop) = Workshop::new() else { return };
    let mut alone = Vec::new();
    let mut files = Vec::new();
    for index in 0..4 {
        let file = shop.write(
            &format!("Dockerfile.{index}"),
            format!("FROM busybox\nRUN echo shared > /s\nRUN for i in 1 2 3 4 5; do echo $i {index} >> /o; done\nCOPY . /c\n"),
        );
        files.push(file.display().to_string());
    }
    let start = |index: usize| {
        let mut command = shop.command();
        command.args(["build", "-f", &files[index % 4]]).arg(shop.context());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let builds: Vec<_> = (0..8).map(start).collect();
    let together: Vec<String> = builds
        .into_iter()
        .map(|child| {
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.success(), "{said}");
            digest(&said)
        })
        .collect();
    let Some(other) = Workshop::new() else { return };
    for file in &files {
        let context = shop.context().display().to_string();
        alone.push(digest(&other.rbuild(&["build", "-f", file, &context]).ok().stderr));
    }
    for (index, digest) in together.iter().enumerate() {
        assert_eq!(*digest, alone[index % 4]);
    }
}
