//! Signals passed on to the process of a sandbox, with the effect that they would have outside.
//!
//! The process is number 1 of its pid namespace, and to such a process the kernel delivers no signal that would end it by
//! default. So what the process has said about a signal is looked up: where it has said nothing, it is killed, and counts
//! as ended by that signal.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::Error;
use crate::sys::clone::Child;
use crate::sys::process::Ended;
use crate::sys::rustix::process::{Pid, Signal, pidfd_send_signal};

/// Passes signals on to the process of one run at a time, from any thread.
#[derive(Clone, Debug, Default)]
pub struct Relay {
    running: Arc<Mutex<Option<Running>>>,
}

#[derive(Debug)]
struct Running {
    pid: Pid,
    pidfd: OwnedFd,
    killed_by: Option<Signal>,
}

impl Relay {
    /// Passes a signal on; false if there is no process.
    pub fn pass(&self, signal: Signal) -> bool {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(running) = &mut *running else { return false };
        let status = std::fs::read_to_string(format!("/proc/{}/status", running.pid.as_raw_nonzero()));
        let delivered = if has_say(&status.unwrap_or_default(), signal) {
            signal
        } else {
            running.killed_by.get_or_insert(signal);
            Signal::KILL
        };
        // Too late is as good as in time.
        let _ = pidfd_send_signal(&running.pidfd, delivered);
        true
    }

    pub(super) fn begin(&self, child: &Child) -> Result<(), Error> {
        let pidfd =
            child.pidfd.try_clone().map_err(|source| Error::Io { doing: "copying a descriptor", source })?;
        let running = Running { pid: child.pid, pidfd, killed_by: None };
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(running);
        Ok(())
    }

    /// ORDER: before the process is waited for, after which its number may be another's.
    pub(super) fn end(&self) -> Option<Signal> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).take()?.killed_by
    }
}

/// How a process ended that was sent `signal` in the form of a kill.
pub(super) fn by(signal: Option<Signal>, ended: Ended) -> Ended {
    match (signal, ended) {
        (Some(signal), Ended::Signal(_)) => Ended::Signal(signal.as_raw().clamp(0, 127) as u8),
        _ => ended,
    }
}

// Whether a process catches, ignores or holds back a signal. SPEC: proc_pid_status(5), masks in hexadecimal.
fn has_say(status: &str, signal: Signal) -> bool {
    let bit = 1_u64 << (signal.as_raw() - 1);
    status.lines().any(|line| {
        let mask = ["SigBlk:", "SigIgn:", "SigCgt:"].iter().find_map(|key| line.strip_prefix(key));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & bit != 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_a_say_about_what_it_catches_ignores_or_blocks() {
        let status = "Name:\tsh\nSigQ:\t0/1\nShdPnd:\t0000000000004000\nSigBlk:\t0000000000000001\nSigIgn:\t0000000000000002\n\
                      SigCgt:\t0000000000004000\n";
        for (signal, has) in
            [(Signal::HUP, true), (Signal::INT, true), (Signal::TERM, true), (Signal::USR1, false)]
        {
            assert_eq!(has_say(status, signal), has, "{signal:?}");
        }
        assert!(!has_say("", Signal::TERM));
    }

    #[test]
    fn only_a_killed_process_ended_by_the_signal() {
        assert_eq!(by(Some(Signal::TERM), Ended::Signal(9)), Ended::Signal(15));
        assert_eq!(by(Some(Signal::TERM), Ended::Code(3)), Ended::Code(3));
        assert_eq!(by(None, Ended::Signal(9)), Ended::Signal(9));
        assert!(!Relay::default().pass(Signal::TERM));
    }
}
