//! Runs a specification to its end: makes the child, hands on its output, waits, tidies up.

use std::os::fd::{AsFd, OwnedFd};

use super::cancel::Cancel;
use super::error::Error;
use super::explain::explain;
use super::output::{Stream, pump};
use super::prepared::{Streams, prepare};
use super::probe::isolation;
use super::relay::{Relay, by};
use super::spec::Spec;
use super::steps;
use crate::sys::clone::spawn;
use crate::sys::process::{Ended, wait};
use crate::sys::rustix::process::{Signal, pidfd_send_signal};
use crate::tree::RootPath;

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Its code, or the signal that killed it.
    pub ended: Ended,
    /// Mount points that had to be made in the root. They are no longer in the upper directory, unless the process put
    /// something else in their place.
    pub stubs: Vec<RootPath>,
}

/// Runs the process, calls `on_output` with what it writes as it writes it, and returns when it and all that it started
/// have ended.
///
/// The process is number 1 of its pid namespace: when it ends, or when `cancel` is fired, the kernel kills the rest. The
/// calling thread must live until then, since the process is killed with it.
pub fn run(spec: &Spec, on_output: &mut dyn FnMut(Stream, &[u8]), cancel: &Cancel) -> Result<Exit, Error> {
    run_beside(spec, on_output, &|| (), cancel)
}

/// The same; when the process has begun, `beside` is called once, for what takes no longer than a moment.
pub fn run_beside(
    spec: &Spec,
    on_output: &mut dyn FnMut(Stream, &[u8]),
    beside: &dyn Fn(),
    cancel: &Cancel,
) -> Result<Exit, Error> {
    if cancel.is_fired() {
        return Err(Error::Canceled);
    }
    isolation()?;
    let prepared = prepare(spec)?;
    let mut streams = Streams::open(spec.stdio)?;
    let mut stubs = prepared.stub_log();
    let mut stopped = None;
    let child = spawn(prepared.namespaces, &mut || {
        stopped = Some(steps::run(&prepared, &streams, &mut stubs));
    });
    let child = child.map_err(|errno| Error::SetUp {
        step: "clone into new namespaces".to_owned(),
        errno,
        hint: "",
    })?;
    if let Some(relay) = spec.relay.as_ref().filter(|_| stopped.is_none()) {
        relay.begin(&child)?;
    }
    let running = Running { pidfd: child.pidfd, is_waited_for: false };
    // Our copies of the ends that the child writes to: with them open, reading would never end.
    streams.child = None;
    let outcome = match stopped {
        Some(stopped) => Err(explain(stopped, &prepared, spec)),
        None => {
            beside();
            pump(streams.reading.take(), &running.pidfd, cancel, on_output)
        }
    };
    let killed_by = spec.relay.as_ref().and_then(Relay::end);
    // The overlay is unmounted by the time the process is waited for: its namespace went with its last process.
    let ended = running.end(outcome.is_err());
    let stubs = stubs.clean(prepared.root.upper());
    outcome?;
    Ok(Exit { ended: by(killed_by, ended?), stubs })
}

// A child that has not been waited for; it does not outlive this value.
struct Running {
    pidfd: OwnedFd,
    is_waited_for: bool,
}

impl Running {
    fn end(mut self, must_die: bool) -> Result<Ended, Error> {
        if must_die {
            let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
        }
        self.is_waited_for = true;
        wait(self.pidfd.as_fd())
            .map_err(|errno| Error::Io { doing: "waiting for the process", source: errno.into() })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.is_waited_for {
            let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
            let _ = wait(self.pidfd.as_fd());
        }
    }
}
