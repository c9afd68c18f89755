//! A child made with `clone(CLONE_VM | CLONE_VFORK)`: no copy of page tables, its own stack, in new namespaces.
//!
//! The child shares the parent's memory and the calling thread stands still until the child has executed a program or
//! exited. So what the body writes into variables that it borrows is seen by the parent: that is how it reports.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::os::fd::{FromRawFd, OwnedFd};

use rustix::io::{Errno, Result};
use rustix::process::Pid;

/// Which namespaces the child gets for itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Namespaces(c_int);

impl Namespaces {
    /// None: everything is shared with the parent.
    pub const NONE: Namespaces = Namespaces(0);
    /// Mounts.
    pub const MOUNT: Namespaces = Namespaces(libc::CLONE_NEWNS);
    /// Process ids; the child is number 1.
    pub const PID: Namespaces = Namespaces(libc::CLONE_NEWPID);
    /// System V IPC and POSIX message queues.
    pub const IPC: Namespaces = Namespaces(libc::CLONE_NEWIPC);
    /// Host name.
    pub const UTS: Namespaces = Namespaces(libc::CLONE_NEWUTS);
    /// The view of control groups.
    pub const CGROUP: Namespaces = Namespaces(libc::CLONE_NEWCGROUP);
    /// Network devices, addresses, ports, abstract sockets.
    pub const NET: Namespaces = Namespaces(libc::CLONE_NEWNET);
    /// User and group ids, capabilities.
    pub const USER: Namespaces = Namespaces(libc::CLONE_NEWUSER);

    /// Both sets together.
    pub const fn and(self, other: Namespaces) -> Namespaces {
        Namespaces(self.0 | other.0)
    }
}

/// A child that is running, or has ended and not been waited for.
#[derive(Debug)]
pub struct Child {
    /// Its number in the caller's pid namespace.
    pub pid: Pid,
    /// The descriptor that stands for it: never another process, even when the number is used again.
    pub pidfd: OwnedFd,
}

// LIMIT: enough for the deepest body in an unoptimised build, measured below 40 KiB; pages are touched on demand.
const STACK_SIZE: usize = 256 * 1024;
const GUARD_SIZE: usize = 64 * 1024;

struct Stack(*mut c_void);

impl Stack {
    fn new() -> Result<Stack> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK | libc::MAP_NORESERVE;
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choice.
        let base = unsafe {
            libc::mmap(std::ptr::null_mut(), STACK_SIZE, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0)
        };
        if base == libc::MAP_FAILED {
            return Err(Errno::NOMEM);
        }
        let stack = Stack(base);
        // SAFETY: the lowest pages of the mapping made above, which nothing uses.
        if unsafe { libc::mprotect(base, GUARD_SIZE, libc::PROT_NONE) } != 0 {
            return Err(Errno::NOMEM);
        }
        Ok(stack)
    }

    fn top(&self) -> *mut c_void {
        // SAFETY: one past the end of the mapping, as clone wants it where stacks grow downwards.
        unsafe { self.0.cast::<u8>().add(STACK_SIZE).cast() }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: the mapping made in `new`; the child that used it has left it by executing or exiting.
        unsafe { libc::munmap(self.0, STACK_SIZE) };
    }
}

extern "C" fn enter(argument: *mut c_void) -> c_int {
    // SAFETY: `spawn` passes a pointer to its own `&mut dyn FnMut`, and stands still while this runs.
    let body = unsafe { &mut *argument.cast::<&mut dyn FnMut()>() };
    body();
    127
}

/// Runs `body` in a child in new namespaces, and returns when the child has executed a program or exited.
///
/// All signals are blocked while the child runs in this memory; it unblocks them itself, last, with
/// [`super::signals::reset_in_child`].
///
/// **Invariant**: `body` allocates nothing, takes no lock and does not panic (a panic ends the child).
pub fn spawn(namespaces: Namespaces, body: &mut dyn FnMut()) -> Result<Child> {
    let stack = Stack::new()?;
    let mut body = body;
    let mut pidfd: c_int = -1;
    let flags = namespaces.0 | libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    let blocked = super::signals::AllBlocked::new();
    // SAFETY: `enter` runs on a stack of its own that outlives it, because CLONE_VFORK suspends this thread until the
    // child no longer uses this memory. `pidfd` is where the kernel writes for CLONE_PIDFD. Signal handlers cannot run
    // in the child: every signal is blocked.
    let pid = unsafe {
        libc::clone(
            enter,
            stack.top(),
            flags,
            (&raw mut body).cast(),
            &raw mut pidfd,
            std::ptr::null_mut::<c_void>(),
            std::ptr::null_mut::<c_int>(),
        )
    };
    let errno = if pid < 0 { Some(super::process::last_errno()) } else { None };
    drop(blocked);
    if let Some(errno) = errno {
        return Err(errno);
    }
    // SAFETY: the kernel made this descriptor for us just now.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok(Child { pid: Pid::from_raw(pid).ok_or(Errno::SRCH)?, pidfd })
}
