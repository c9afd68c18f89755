//! Signals that `rbuild run` passes on to the image's process, and the exit codes that come back.

use std::process::Command;

use rustix::process::Signal;

use super::user::{NAME, User};
use super::{Running, processes, wait_until};
use crate::e2e::Workshop;

const EACH: [(Signal, i32); 6] = [
    (Signal::HUP, 129),
    (Signal::INT, 130),
    (Signal::QUIT, 131),
    (Signal::USR1, 138),
    (Signal::USR2, 140),
    (Signal::TERM, 143),
];

fn run(mut command: Command, script: &str) -> Command {
    command.args(["run", "busybox", "--", "sh", "-c", script]);
    command
}

fn answers(command: &dyn Fn() -> Command, shop: &Workshop) {
    for (signal, code) in EACH {
        let mark = format!("6{}{}", signal.as_raw(), std::process::id());
        let script = format!("echo ready >&2; exec sleep {mark}");
        let mut running = Running::start(run(command(), &script), &shop.at("log"));
        running.wait_for("ready");
        running.signal(signal);
        assert_eq!(running.end().0, Some(code), "{signal:?} {}", running.said());
        wait_until("the end of its children", || processes(&format!("sleep {mark}")).is_empty());
    }
    // What catches a signal decides for itself; what ignores one goes on.
    let script =
        "trap 'echo caught >&2; exit 3' TERM; trap '' INT; echo ready >&2; while :; do sleep 0.1; done";
    let mut running = Running::start(run(command(), script), &shop.at("log"));
    running.wait_for("ready");
    running.signal(Signal::INT);
    running.signal(Signal::TERM);
    assert_eq!(running.end().0, Some(3), "{}", running.said());
    assert!(running.said().contains("caught"), "{}", running.said());
}

#[test]
fn run_passes_signals_on_and_exits_as_its_process_did() {
    let Some(shop) = Workshop::new() else { return };
    answers(&|| shop.command(), &shop);
    let Some(user) = User::with(NAME, true, &shop) else { return };
    answers(&|| user.command(&[]), &shop);
}
