//! Many look-ups in a row: the use lock is taken once for all of them.

use std::sync::Arc;

use super::disk::Disk;
use super::open::Store;

/// While it lives, prune in another process waits: for loops over look-ups, never around a step.
#[must_use]
pub struct Lookups {
    disk: Arc<Disk>,
}

impl Drop for Lookups {
    fn drop(&mut self) {
        self.disk.end_lookups();
    }
}

impl Store {
    /// Begins many look-ups.
    pub fn lookups(&self) -> Lookups {
        self.disk.begin_lookups();
        Lookups { disk: Arc::clone(&self.disk) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Options;

    #[test]
    fn who_removes_waits_for_no_lock_that_its_own_process_keeps() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Options::default()).unwrap();
        let (done, finished) = std::sync::mpsc::channel();
        // Not scoped: a thread that waits for ever would be waited for.
        for removes in [true, true, false, false] {
            let (store, done) = (store.clone(), done.clone());
            std::thread::spawn(move || {
                for _ in 0..2000 {
                    let _lookups = store.lookups();
                    drop(store.disk.using().unwrap());
                    if removes {
                        drop(store.disk.removing().unwrap());
                    }
                }
                done.send(()).unwrap();
            });
        }
        for _ in 0..4 {
            finished.recv_timeout(std::time::Duration::from_secs(60)).expect("nobody waits for ever");
        }
    }
}
