//! Signals as values that a thread reads, and the signal state that a child starts with.
//!
//! `SIGINT`, `SIGTERM` and `SIGHUP` are blocked in every thread and read from a descriptor, so no handler ever runs.
//! This also works as process 1, to which the kernel delivers a signal only if it is blocked or handled.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::event::{PollFd, PollFlags};
use rustix::io::{Errno, Result};
use rustix::process::Signal;

/// A signal that has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// Which.
    pub signal: Signal,
    /// Whether the kernel sent it to the whole foreground process group (a key was pressed, the terminal went away).
    pub from_terminal: bool,
}

/// Reads blocked signals; any thread may.
#[derive(Debug)]
pub struct Signals {
    fd: OwnedFd,
}

impl Signals {
    /// Blocks `SIGINT`, `SIGTERM` and `SIGHUP` in this thread and in those that it will start, and opens the reader.
    ///
    /// A file that would grow beyond `RLIMIT_FSIZE` is an error from then on, and not the end of the process.
    ///
    /// Call it in `main`, before the first thread.
    pub fn block() -> Result<Signals> {
        // SAFETY: no handler is set; children get the default again (`reset_in_child`).
        unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
        Signals::of(&[Signal::INT, Signal::TERM, Signal::HUP])
    }

    /// As [`Signals::block`], with the other signals that people send to programs: `SIGQUIT`, `SIGUSR1` and `SIGUSR2`.
    pub fn block_all() -> Result<Signals> {
        Signals::of(&[Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT, Signal::USR1, Signal::USR2])
    }

    fn of(signals: &[Signal]) -> Result<Signals> {
        let set = set_of(signals);
        // SAFETY: `set` is initialised; the old mask is not asked for.
        if unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) } != 0 {
            return Err(Errno::INVAL);
        }
        // SAFETY: `set` is initialised; -1 asks for a new descriptor.
        let fd = unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if fd < 0 {
            return Err(super::process::last_errno());
        }
        // SAFETY: the kernel made this descriptor for us just now.
        Ok(Signals { fd: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    /// Waits for the next signal.
    pub fn wait(&self) -> Result<Signal> {
        loop {
            if let Some(arrived) = self.take()? {
                return Ok(arrived.signal);
            }
            let mut fds = [PollFd::new(&self.fd, PollFlags::IN)];
            match rustix::event::poll(&mut fds, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    /// The next signal, if one has arrived.
    pub fn take(&self) -> Result<Option<Arrived>> {
        let mut info = MaybeUninit::<libc::signalfd_siginfo>::zeroed();
        let size = size_of::<libc::signalfd_siginfo>();
        // SAFETY: the kernel writes at most `size` bytes into `info`.
        let count = unsafe { libc::read(self.fd.as_raw_fd(), info.as_mut_ptr().cast(), size) };
        if count == size as isize {
            // SAFETY: zeroed first, then filled whole; every bit pattern is valid.
            let info = unsafe { info.assume_init() };
            let signal = i32::try_from(info.ssi_signo).ok().and_then(Signal::from_named_raw);
            let from_terminal = info.ssi_code == libc::SI_KERNEL;
            return Ok(signal.map(|signal| Arrived { signal, from_terminal }));
        }
        match super::process::last_errno() {
            Errno::AGAIN | Errno::INTR => Ok(None),
            errno => Err(errno),
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn set_of(signals: &[Signal]) -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: sigemptyset initialises what it is given; sigaddset gets valid signal numbers.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), signal.as_raw());
        }
        set.assume_init()
    }
}

// The kernel's own mask: 64 bits. The C library's calls would leave out the two signals that it keeps for itself.
fn kernel_mask(how: i32, mask: u64) -> u64 {
    let mut old = 0_u64;
    // SAFETY: both pointers are to 8 bytes, as the last argument says.
    unsafe { libc::syscall(libc::SYS_rt_sigprocmask, how, &raw const mask, &raw mut old, 8) };
    old
}

/// While it lives, no signal reaches the calling thread.
pub(super) struct AllBlocked {
    before: u64,
}

impl AllBlocked {
    pub(super) fn new() -> AllBlocked {
        AllBlocked { before: kernel_mask(libc::SIG_SETMASK, !0) }
    }
}

impl Drop for AllBlocked {
    fn drop(&mut self) {
        kernel_mask(libc::SIG_SETMASK, self.before);
    }
}

/// Gives every signal its default meaning again, and only then unblocks all of them. In the child, last before execve.
///
/// ORDER: a handler of the parent's must not run in the child, which still shares the parent's memory.
pub fn reset_in_child() {
    for number in 1..=64 {
        if number == libc::SIGKILL || number == libc::SIGSTOP {
            continue;
        }
        // The kernel's sigaction is all zeros for "default"; its size differs by processor, 32 bytes hold each.
        let default = [0_u64; 4];
        // SAFETY: the kernel reads its sigaction (at most 32 bytes) from `default` and writes nothing.
        unsafe {
            libc::syscall(libc::SYS_rt_sigaction, number, default.as_ptr(), std::ptr::null_mut::<u8>(), 8);
        }
    }
    kernel_mask(libc::SIG_SETMASK, 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_sent_to_a_thread_that_blocks_it_is_read_as_a_value() {
        std::thread::spawn(|| {
            let signals = Signals::of(&[Signal::USR1]).unwrap();
            assert_eq!(signals.take().unwrap(), None);
            // SAFETY: sends a signal that this thread has blocked to this thread.
            unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGUSR1) };
            assert_eq!(signals.wait().unwrap(), Signal::USR1);
        })
        .join()
        .unwrap();
    }
}
