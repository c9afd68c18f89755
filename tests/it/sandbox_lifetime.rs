//! Sandboxes and the user namespace end with the process that made them, and say why they cannot be had.
#![allow(clippy::unwrap_used)]

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rbuild::sys::rustix::process::{Pid, Signal, kill_process};
use rbuild::sys::{Privilege, privilege};

use crate::sandbox_world::{INSIDE, claim, command_as, ordinary_user, reachable_directory, skip};

const SLEEP: &str = "RBUILD_TEST_SLEEP";
const PROBE: &str = "RBUILD_TEST_PROBE";

// Run by the tests below in a process of its own; alone it does nothing.
#[test]
fn sleeps_in_a_sandbox_when_asked() {
    if std::env::var_os(SLEEP).is_some() {
        claim("sandbox_lifetime::sleeps_in_a_sandbox_when_asked", |world| {
            let seconds = std::env::var(SLEEP).unwrap();
            world.run(&world.spec(&["sleep", &seconds])).unwrap();
        });
    }
}

#[test]
fn prints_the_probe_when_asked() {
    if std::env::var_os(PROBE).is_some() {
        println!("{:?}", rbuild::sandbox::probe().map_err(|error| error.to_string()));
    }
}

fn is_running(seconds: &str) -> bool {
    let wanted = format!("sleep\0{seconds}\0");
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .any(|entry| std::fs::read(entry.path().join("cmdline")).is_ok_and(|line| line == wanted.as_bytes()))
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn started(command: &mut Command, seconds: &str) -> Child {
    let child = command.env(SLEEP, seconds).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the command starts", || is_running(seconds));
    child
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn a_sandbox_dies_with_the_process_that_runs_it() {
    if privilege() == Privilege::NeedsUserNamespace {
        return skip("root is needed to make a sandbox without a user namespace");
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    let mut child =
        started(command.args(["sandbox_lifetime::sleeps_in_a_sandbox_when_asked", "--exact"]), "4441");
    send(&child, Signal::KILL);
    child.wait().unwrap();
    wait_until("the command dies", || !is_running("4441"));
}

#[test]
fn signals_reach_the_user_namespace_and_its_end_is_passed_on() {
    let Some(ids) = (privilege() == Privilege::Root).then(ordinary_user).flatten() else {
        return skip("root is needed to become a user with subordinate ids");
    };
    // Inherited by the program that is started, all of whose threads then have them blocked, as rbuild's `main` does it.
    let _signals = rbuild::sys::signals::Signals::block().unwrap();
    let directory = reachable_directory();
    let name = "sandbox_lifetime::sleeps_in_a_sandbox_when_asked";
    let mut child = started(command_as(&ids, directory.path(), name).env(INSIDE, "1"), "4442");
    send(&child, Signal::TERM);
    let status = child.wait().unwrap();
    assert_eq!((status.code(), status.signal()), (Some(128 + 15), None));
    wait_until("the command dies", || !is_running("4442"));

    // A parent that is killed takes the namespace and the sandbox along.
    let directory = reachable_directory();
    let mut child = started(command_as(&ids, directory.path(), name).env(INSIDE, "1"), "4443");
    send(&child, Signal::KILL);
    child.wait().unwrap();
    wait_until("the command dies", || !is_running("4443"));
}

#[test]
fn a_user_without_subordinate_ids_is_told_which_lines_to_add() {
    if privilege() != Privilege::Root {
        return skip("root is needed to become a user without subordinate ids");
    }
    let directory = reachable_directory();
    let ids = ("64123".to_owned(), "64123".to_owned());
    let mut command = command_as(&ids, directory.path(), "sandbox_lifetime::prints_the_probe_when_asked");
    let output = command.env(PROBE, "1").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("/etc/subuid") && text.contains("64123:") && text.contains(":65536"), "{text}");
}
