//! What rustix lacks about the calling process: closing at exec, session keyring, waiting by descriptor.
#![allow(unsafe_code)]

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::io::{Errno, FdFlags, Result};
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions};

/// The error of the C library's last call in this thread.
pub(super) fn last_errno() -> Errno {
    // SAFETY: errno of this thread, always readable.
    Errno::from_raw_os_error(unsafe { *libc::__errno_location() })
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It exited with this code.
    Code(u8),
    /// This signal killed it.
    Signal(u8),
}

impl Ended {
    /// The shell's number for it: the code, or 128 plus the signal.
    pub fn shell_code(self) -> u8 {
        match self {
            Ended::Code(code) => code,
            Ended::Signal(signal) => 128_u8.saturating_add(signal),
        }
    }
}

/// Marks every descriptor from 3 on to be closed when a program is executed. In the child.
pub fn close_on_exec_from_3() -> Result<()> {
    // SAFETY: plain numbers; marking a descriptor invalidates nothing.
    let answer =
        unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if answer == 0 { Ok(()) } else { Err(last_errno()) }
}

/// Lets an inherited descriptor outlive an exec. In the child.
pub fn keep_on_exec(fd: BorrowedFd<'_>) -> Result<()> {
    rustix::io::fcntl_setfd(fd, FdFlags::empty())
}

/// Leaves the session keyring of whoever started us; best effort, since containers forbid the call. In the child.
pub fn leave_session_keyring() {
    // SAFETY: KEYCTL_JOIN_SESSION_KEYRING with a null name makes an anonymous keyring and reads no memory.
    unsafe { libc::syscall(libc::SYS_keyctl, libc::KEYCTL_JOIN_SESSION_KEYRING, std::ptr::null::<u8>()) };
}

/// Makes the descriptor numbered `to` a copy of `from`, inherited over an exec. In the child; for 0, 1 and 2 only.
pub fn place_stdio(from: BorrowedFd<'_>, to: Stdio) -> Result<()> {
    let to = to as i32;
    if from.as_raw_fd() == to {
        return keep_on_exec(from);
    }
    // SAFETY: only standard descriptors are replaced, which nothing in Rust owns.
    if unsafe { libc::dup2(from.as_raw_fd(), to) } < 0 { Err(last_errno()) } else { Ok(()) }
}

/// Gives a descriptor a number that this process has in use for another, which is closed. In the child, whose parent keeps
/// its own table of descriptors.
pub(super) fn replace(fd: OwnedFd, number: i32) -> Result<()> {
    // SAFETY: the owner of `number` is in the parent's memory and stands for the parent's descriptor, which stays.
    let answer = unsafe { libc::dup3(fd.as_raw_fd(), number, libc::O_CLOEXEC) };
    if answer < 0 { Err(last_errno()) } else { Ok(()) }
}

/// Closes the child's copy of a descriptor that the parent owns. In the child.
pub(super) fn close_in_child(number: i32) {
    // SAFETY: the child has its own table of descriptors, so the owner in the parent's memory is not deceived.
    unsafe { libc::close(number) };
}

/// Closes the child's copies of all descriptors from 3 on but one. In the child, which would otherwise hold ends of pipes that
/// others wait for.
pub(super) fn close_in_child_all_but(kept: BorrowedFd<'_>) {
    let kept = kept.as_raw_fd().unsigned_abs();
    for (first, last) in [(3, kept.saturating_sub(1)), (kept + 1, libc::c_uint::MAX)] {
        if first <= last {
            // SAFETY: plain numbers; the child has its own table of descriptors, so no owner in the parent's memory is deceived.
            unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
        }
    }
}

/// Leaves the parent's mount namespace for a copy of it. In the child.
pub fn unshare_mounts() -> Result<()> {
    // SAFETY: CLONE_NEWNS changes which mounts this process sees; no memory, no descriptor.
    if unsafe { libc::unshare(libc::CLONE_NEWNS) } == 0 { Ok(()) } else { Err(last_errno()) }
}

/// A standard descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stdio {
    /// Standard input.
    In = 0,
    /// Standard output.
    Out = 1,
    /// Standard error.
    Err = 2,
}

/// Lets no process that has no power over this one's user namespace read its memory or go through its entries in `/proc`. A
/// program that is executed is open again.
pub fn hide() -> Result<()> {
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
}

/// Ends the child without running anything of the parent's.
pub fn exit_child(code: u8) -> ! {
    // SAFETY: ends this process at once.
    unsafe { libc::_exit(i32::from(code)) }
}

/// A descriptor for the calling process; it becomes readable when the process has died.
pub fn myself() -> Result<OwnedFd> {
    rustix::process::pidfd_open(rustix::process::getpid(), PidfdFlags::empty())
}

/// Whether the process behind a descriptor has died. In the child.
pub fn has_died(pidfd: BorrowedFd<'_>) -> bool {
    let mut fds = [rustix::event::PollFd::from_borrowed_fd(pidfd, rustix::event::PollFlags::IN)];
    let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    matches!(rustix::event::poll(&mut fds, Some(&now)), Ok(count) if count > 0)
}

/// Asks to be killed when the thread that made us ends; holds over the exec of a program that gains no privilege. In the
/// child.
pub fn die_with_parent() -> Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
}

/// Waits until the child behind a descriptor has ended, and takes it off the process table.
pub fn wait(pidfd: impl AsFd) -> Result<Ended> {
    loop {
        match rustix::process::waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED) {
            Ok(Some(status)) => {
                if let Some(code) = status.exit_status() {
                    return Ok(Ended::Code(code.clamp(0, 255) as u8));
                }
                if let Some(signal) = status.terminating_signal() {
                    return Ok(Ended::Signal(signal.clamp(0, 127) as u8));
                }
            }
            Ok(None) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// The calling process's number.
pub fn id() -> Pid {
    rustix::process::getpid()
}
