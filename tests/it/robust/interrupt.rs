//! Ctrl-C, SIGTERM and SIGHUP at any time: over in two seconds, nothing left, the next build is fine.

use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use super::{Running, leftovers, processes, unique, wait_until};
use crate::e2e::{Workshop, tools};

const LIMIT: Duration = Duration::from_secs(2);

fn sleeping(shop: &Workshop) -> String {
    // A duration that no other process sleeps.
    let mark = unique().split_once('x').unwrap().1.to_string();
    let mark = format!("1{}", &mark[mark.len() - 7..]);
    shop.write("Dockerfile", format!("FROM busybox\nRUN echo started; sleep {mark}\n"));
    mark
}

fn build(shop: &Workshop, args: &[&str]) -> Command {
    let mut command = shop.command();
    command.arg("build").args(args).arg(shop.context());
    command
}

#[track_caller]
fn is_well(shop: &Workshop) {
    shop.build("FROM busybox\nRUN echo fine > /fine\n", &[]).ok();
    assert_eq!(leftovers(&shop.store()), Vec::<std::path::PathBuf>::new());
}

#[test]
fn each_signal_ends_a_run_and_its_children() {
    let Some(shop) = Workshop::new() else { return };
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mark = sleeping(&shop);
        let mut running = Running::start(build(&shop, &[]), &shop.at("log"));
        wait_until("the RUN", || !processes(&format!("sleep {mark}")).is_empty());
        running.signal(signal);
        let (code, took) = running.end();
        assert_eq!(code, Some(130), "{}", running.said());
        assert!(took < LIMIT, "{took:?}");
        assert!(running.said().contains("CANCELED"), "{}", running.said());
        assert_eq!(processes(&format!("sleep {mark}")), Vec::<String>::new());
    }
    is_well(&shop);
}

#[test]
fn as_process_one_the_signals_work_too() {
    let Some(shop) = Workshop::new() else { return };
    if !rustix::process::geteuid().is_root() || !tools(&["unshare"]) {
        return;
    }
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mark = sleeping(&shop);
        let mut command = Command::new("unshare");
        command.args(["--pid", "--fork", "--mount-proc", "--kill-child"]).arg(env!("CARGO_BIN_EXE_rbuild"));
        command.env("RBUILD_ROOT", shop.store()).arg("build").arg(shop.context());
        let mut running = Running::start(command, &shop.at("log"));
        wait_until("the RUN", || !processes(&format!("sleep {mark}")).is_empty());
        let unshare = running.child.id();
        let children = std::fs::read_to_string(format!("/proc/{unshare}/task/{unshare}/children")).unwrap();
        let child = rustix::process::Pid::from_raw(children.trim().parse().unwrap()).unwrap();
        rustix::process::kill_process(child, signal).unwrap();
        let (code, took) = running.end();
        assert_eq!(code, Some(130), "{}", running.said());
        assert!(took < LIMIT, "{took:?}");
        wait_until("the end of its children", || processes(&format!("sleep {mark}")).is_empty());
    }
    is_well(&shop);
}

#[test]
fn a_build_that_waits_for_standard_input_can_be_interrupted() {
    let shop = Workshop::bare();
    let mut child = shop.command().args(["build", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    // Kept open: `wait` would close it.
    let _input = child.stdin.take();
    std::thread::sleep(Duration::from_millis(300));
    let start = std::time::Instant::now();
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(start.elapsed() < LIMIT, "{:?}", start.elapsed());
}

/// At several moments of copying and exporting 300 MB.
#[test]
fn an_interrupted_copy_or_export_leaves_no_half_written_output() {
    let Some(shop) = Workshop::new() else { return };
    let mut bytes = vec![0_u8; 300 << 20];
    let mut state = 1_u64;
    for chunk in bytes.chunks_mut(8) {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        chunk.copy_from_slice(&state.to_le_bytes()[..chunk.len()]);
    }
    shop.write("big", &bytes);
    shop.write("Dockerfile", "FROM scratch\nCOPY big /big\n");
    let out = shop.at("out");
    let dest = format!("type=oci,dest={}", out.join("x.tar").display());
    let mut interrupted = 0;
    for millis in [50, 200, 400, 700, 1000, 1500, 2500] {
        let mut running = Running::start(build(&shop, &["-o", &dest]), &shop.at("log"));
        std::thread::sleep(Duration::from_millis(millis));
        if running.child.try_wait().unwrap().is_some() {
            break;
        }
        running.signal(Signal::TERM);
        let (code, took) = running.end();
        assert!(took < LIMIT, "after {millis} ms: {took:?}");
        match code {
            Some(130) => interrupted += 1,
            // It was quicker than the signal.
            Some(0) => break,
            other => panic!("{other:?}: {}", running.said()),
        }
        let left = std::fs::read_dir(&out).map(|entries| entries.count()).unwrap_or_default();
        assert_eq!(left, 0, "after {millis} ms");
    }
    assert!(interrupted > 0, "no signal came in time");
    is_well(&shop);
}
