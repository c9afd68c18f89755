//! Looking at snapshots that were sealed by others, beside what is done on them meanwhile.
//!
//! One thread, which lives as long as there is something to look at: to look at 60,000 files takes longer than a RUN that
//! does little, and less than anybody should have to wait for.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rustix::fs::{CWD, Mode, openat};

use super::cursor::DIRECTORY;
use super::state::{State, state};

/// A snapshot, and what it looked like when it was sealed.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub name: String,
    pub path: PathBuf,
    pub state: State,
}

/// What has been looked at, and what is to be.
#[derive(Clone, Debug, Default)]
pub(super) struct Looks {
    shared: Arc<(Mutex<Shared>, Condvar)>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: VecDeque<Look>,
    is_looking: bool,
    changed: Vec<Look>,
}

/// What is known of all that was asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Everything is as it was.
    Unchanged,
    /// Something was changed on disk.
    Changed,
    /// Not yet.
    NotYet,
}

impl Looks {
    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a snapshot looked at.
    pub(super) fn ask(&self, look: Look) {
        let mut shared = self.shared();
        shared.queue.push_back(look);
        if shared.is_looking {
            return;
        }
        shared.is_looking = true;
        drop(shared);
        let looks = self.clone();
        let thread = std::thread::Builder::new().name("snapshots".to_owned()).spawn(move || looks.work());
        if thread.is_err() {
            self.work();
        }
    }

    fn work(&self) {
        loop {
            let mut shared = self.shared();
            let Some(look) = shared.queue.pop_front() else {
                shared.is_looking = false;
                self.shared.1.notify_all();
                return;
            };
            drop(shared);
            let root = openat(CWD, &look.path, DIRECTORY, Mode::empty());
            if !root
                .is_ok_and(|root| state(std::os::fd::AsFd::as_fd(&root)).is_ok_and(|now| now == look.state))
            {
                self.shared().changed.push(look);
            }
        }
    }

    /// What is known, without waiting.
    pub(super) fn known(&self) -> Known {
        let shared = self.shared();
        match (shared.changed.is_empty(), shared.is_looking) {
            (false, _) => Known::Changed,
            (true, true) => Known::NotYet,
            (true, false) => Known::Unchanged,
        }
    }

    /// Waits until everything has been looked at; says once what was changed.
    pub(super) fn changed(&self) -> Vec<Look> {
        let mut shared = self.shared();
        while shared.is_looking {
            shared = self.shared.1.wait(shared).unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::take(&mut shared.changed)
    }
}
