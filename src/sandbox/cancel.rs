//! A token that ends running sandboxes from any thread.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use crate::sys::rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

/// Fired once, it cancels every run that was given it or a clone of it, now or later.
#[derive(Clone, Debug)]
pub struct Cancel {
    event: Arc<OwnedFd>,
}

impl Cancel {
    /// A token that has not been fired.
    pub fn new() -> std::io::Result<Cancel> {
        Ok(Cancel { event: Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?) })
    }

    /// Ends the runs: all their processes are killed.
    pub fn fire(&self) {
        // Full is impossible short of 2^64 calls, and a full counter is readable all the same.
        let _ = crate::sys::rustix::io::write(&self.event, &1_u64.to_ne_bytes());
    }

    /// Whether it has been fired.
    pub fn is_fired(&self) -> bool {
        let mut fds = [PollFd::new(&self.event, PollFlags::IN)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        matches!(poll(&mut fds, Some(&now)), Ok(count) if count > 0)
    }
}

impl AsFd for Cancel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_sees_that_the_token_was_fired() {
        let token = Cancel::new().unwrap();
        let clone = token.clone();
        assert!(!clone.is_fired());
        token.fire();
        assert!(clone.is_fired() && token.is_fired());
    }
}
