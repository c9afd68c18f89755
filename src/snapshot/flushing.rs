//! What is unpacked goes to the disk while more is unpacked, so that the sync at the end of the build finds little left.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// LIMIT: bytes that are written before the disk is set to work. The kernel itself waits for a tenth of the memory.
const STEP: u64 = 64 << 20;

/// Counts what is written to one file system.
#[derive(Debug)]
pub(super) struct Flushing {
    directory: OwnedFd,
    written: AtomicU64,
    is_at_work: AtomicBool,
}

impl Flushing {
    /// The file system that `directory` is on.
    pub(super) fn new(directory: OwnedFd) -> Flushing {
        Flushing { directory, written: AtomicU64::new(0), is_at_work: AtomicBool::new(false) }
    }

    /// So many bytes more were written.
    pub(super) fn wrote(self: &Arc<Flushing>, bytes: u64) {
        if self.written.fetch_add(bytes, Ordering::Relaxed) + bytes < STEP
            || self.is_at_work.swap(true, Ordering::AcqRel)
        {
            return;
        }
        self.written.store(0, Ordering::Relaxed);
        let flushing = Arc::clone(self);
        // Only a beginning: what fails here fails again when the build waits for it.
        std::thread::spawn(move || {
            let _ = rustix::fs::syncfs(&flushing.directory);
            flushing.is_at_work.store(false, Ordering::Release);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_is_set_to_work_once_a_step_and_again_after_it() {
        let directory = tempfile::tempdir().unwrap();
        let opened = std::fs::File::open(directory.path()).unwrap();
        let flushing = Arc::new(Flushing::new(opened.into()));
        for _ in 0..3 {
            flushing.wrote(STEP - 1);
            assert_eq!(flushing.written.load(Ordering::Relaxed), STEP - 1);
            flushing.wrote(1);
            assert_eq!(flushing.written.load(Ordering::Relaxed), 0);
            while flushing.is_at_work.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
        }
    }
}
