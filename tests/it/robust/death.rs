//! `kill -9` at any moment: the next build gives the same bytes, and nothing is left behind.

use std::time::Duration;

use rustix::process::Signal;

use super::{Running, digest, leftovers, mounts_below, processes, warnings};
use crate::e2e::Workshop;

const STEPS: &str = "FROM busybox AS one\nWORKDIR /w\nCOPY . ./\nRUN cat f* > all; : KILLMARK\n\
                     RUN --mount=type=cache,target=/c echo now >> /c/now; ls /w > /list\n\
                     FROM busybox\nCOPY --from=one /w/all /list /\nRUN mkdir /d && cp /all /d && rm /all\n";

fn killed(times: u32) {
    let Some(shop) = Workshop::new() else { return };
    for index in 0..200 {
        shop.write(&format!("f{index}"), format!("{index}\n").repeat(500));
    }
    let mark = format!("KILLMARK-{}", super::unique());
    let text = STEPS.replace("KILLMARK", &mark);
    let out = shop.at("out/x.tar");
    let output = format!("type=oci,dest={}", out.display());
    let fresh = || {
        for directory in ["records", "snapshots", "layers", "lists", "stat"] {
            let _ = std::fs::remove_dir_all(shop.store().join(directory));
        }
        let base = shop.at("busybox.tar");
        shop.rbuild(&["import", base.to_str().unwrap(), "busybox"]).ok();
    };
    let whole = shop.build(&text, &["-o", &output]).ok();
    let want = digest(&whole.stderr);
    let bytes = std::fs::read(&out).unwrap();
    let start = std::time::Instant::now();
    fresh();
    let import = start.elapsed();
    shop.again(&["-o", &output]).ok();
    let mut usual = start.elapsed() - import;
    let context = shop.context().display().to_string();
    let empty = shop.write_at("empty", "FROM scratch AS nothing\nLABEL a=b\n").display().to_string();
    let mut hits = 0;
    for round in 0..times {
        fresh();
        std::fs::remove_file(&out).unwrap();
        let mut command = shop.command();
        command.args(["build", "-t", "it", "-o", &output]).arg(shop.context());
        let mut running = Running::start(command, &shop.at("log"));
        // Everywhere in a build, and a little beyond its end.
        std::thread::sleep(usual.mul_f64(1.1) * round / times);
        running.signal(Signal::KILL);
        match running.end().0 {
            None => hits += 1,
            // It was over: the machine has become faster than it was.
            Some(_) => usual = usual.mul_f64(0.8),
        }
        assert!(!out.exists() || std::fs::read(&out).unwrap() == bytes, "round {round}: half an output");
        let said = shop.again(&["-o", &output]).ok();
        assert_eq!(digest(&said.stderr), want, "round {round}");
        assert_eq!(warnings(&said.stderr), Vec::<&str>::new(), "round {round}");
        assert!(std::fs::read(&out).unwrap() == bytes, "round {round}: another archive");
        // The sandbox of the dead may live a moment longer; whoever opens the store next sweeps after it.
        super::wait_until("nothing is left", || {
            shop.rbuild(&["build", "-q", "--target", "nothing", "-f", &empty, &context]).ok();
            leftovers(&shop.store()).is_empty()
        });
    }
    assert!(hits > times / 2, "only {hits} of {times} died at work");
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(processes(&mark), Vec::<String>::new());
    assert_eq!(mounts_below(&shop.store()), 0);
}

#[test]
fn kill_at_two_dozen_moments_then_a_rebuild_gives_the_same_image() {
    killed(24);
}

#[test]
#[ignore = "minutes: make test-full"]
fn kill_at_three_hundred_moments_then_a_rebuild_gives_the_same_image() {
    killed(300);
}

#[test]
fn what_is_done_is_kept_while_another_step_takes_long() {
    let Some(shop) = Workshop::new() else { return };
    let mark = format!("LONGMARK-{}", super::unique());
    let text = format!(
        "FROM busybox AS quick\nRUN echo 1 > /1\nRUN echo 2 > /2\nFROM busybox AS slow\nRUN sleep 60; : {mark}\n\
         FROM slow\nCOPY --from=quick /2 /\n"
    );
    let dockerfile = shop.write("Dockerfile", &text).display().to_string();
    let context = shop.context().display().to_string();
    let mut command = shop.command();
    command.args(["build", "--progress", "plain", "-f", &dockerfile, &context]);
    let mut running = Running::start(command, &shop.at("log"));
    super::wait_until("the quick stage is done", || {
        let log = std::fs::read_to_string(shop.at("log")).unwrap_or_default();
        log.matches("DONE").count() >= 4 && !processes(&mark).is_empty()
    });
    // Written a moment after it was told.
    std::thread::sleep(Duration::from_millis(300));
    running.signal(Signal::KILL);
    running.end();
    let said =
        shop.rbuild(&["build", "--progress", "plain", "--target", "quick", "-f", &dockerfile, &context]).ok();
    assert_eq!(said.stderr.matches("CACHED").count(), 3, "{}", said.stderr);
}

#[test]
fn what_is_done_is_kept_while_the_next_step_waits_for_a_cache() {
    let Some(shop) = Workshop::new() else { return };
    let mark = format!("CACHEMARK-{}", super::unique());
    let mount = "RUN --mount=type=cache,id=c,target=/c,sharing=locked";
    let first = "FROM busybox\nRUN echo 1 > /1\n";
    let context = shop.context().display().to_string();
    let start = |name: &str, text: String| {
        let dockerfile = shop.write_at(name, text).display().to_string();
        let mut command = shop.command();
        command.args(["build", "--progress", "plain", "-f", &dockerfile, &context]);
        Running::start(command, &shop.at(&format!("{name}.log")))
    };
    let mut holder = start("holder", format!("FROM busybox\n{mount} sleep 60; : {mark}\n"));
    super::wait_until("the cache is held", || !processes(&mark).is_empty());
    let mut waiter = start("waiter", format!("{first}{mount} true\n"));
    super::wait_until("the first step is done", || {
        let log = std::fs::read_to_string(shop.at("waiter.log")).unwrap_or_default();
        log.split("RUN echo 1").nth(1).is_some_and(|rest| rest.contains("DONE"))
    });
    std::thread::sleep(Duration::from_millis(300));
    for build in [&mut waiter, &mut holder] {
        build.signal(Signal::KILL);
        build.end();
    }
    let said = shop.build(first, &["--progress", "plain"]).ok();
    assert_eq!(said.stderr.matches("CACHED").count(), 2, "{}", said.stderr);
}

#[test]
fn a_killed_export_leaves_nothing_that_the_next_one_does_not_remove() {
    let shop = Workshop::bare();
    for index in 0..400 {
        shop.write(&format!("d{}/f{index}", index % 20), format!("{index}\n").repeat(2000));
    }
    let file = shop.write_at("copy", "FROM scratch\nCOPY . /\n").display().to_string();
    let context = shop.context().display().to_string();
    let out = shop.at("out");
    std::fs::create_dir(&out).unwrap();
    let tree = format!("type=local,dest={}", shop.arg("out/tree"));
    let tar = format!("type=tar,dest={}", shop.arg("out/x.tar"));
    let args = ["build", "-f", &file, "-o", &tree, "-o", &tar, &context];
    let start = std::time::Instant::now();
    shop.rbuild(&args).ok();
    shop.rbuild(&args).ok();
    let usual = start.elapsed() / 2;
    let left = |below: &str| {
        let entries = std::fs::read_dir(shop.at(below)).unwrap().filter_map(Result::ok);
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(".rbuild-")).count()
    };
    let mut staged = 0;
    for round in 0..20 {
        let mut command = shop.command();
        command.args(args);
        let mut running = Running::start(command, &shop.at("log"));
        std::thread::sleep(usual.mul_f64(0.9) * round / 20);
        running.signal(Signal::KILL);
        running.end();
        staged += left("out/tree");
        assert_eq!(left("out"), 0, "a file has no name before it is whole");
        // While one lives, its directory stays.
        shop.rbuild(&args).ok();
        assert_eq!(left("out/tree"), 0);
    }
    assert!(staged > 0, "no export was killed at work");
}
