//! At most so many transfers at once with one registry.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Counts transfers by registry.
pub(super) struct Permits {
    most: usize,
    taken: Mutex<BTreeMap<String, usize>>,
    freed: Condvar,
}

/// Leave for one transfer, until it is dropped.
pub(super) struct Permit<'a> {
    permits: &'a Permits,
    registry: String,
}

impl Permits {
    /// `most` for each registry, at least one.
    pub fn new(most: usize) -> Permits {
        Permits { most: most.max(1), taken: Mutex::default(), freed: Condvar::new() }
    }

    /// How many at once.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Waits for leave; none when canceled.
    pub fn take(&self, registry: &str, canceled: &dyn Fn() -> bool) -> Option<Permit<'_>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if canceled() {
                return None;
            }
            let count = taken.entry(registry.to_string()).or_insert(0);
            if *count < self.most {
                *count += 1;
                return Some(Permit { permits: self, registry: registry.to_string() });
            }
            let slice = Duration::from_millis(100);
            taken = self.freed.wait_timeout(taken, slice).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut taken = self.permits.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.registry) {
            *count = count.saturating_sub(1);
        }
        self.permits.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn no_more_than_the_limit_run_at_once_and_registries_do_not_share_it() {
        let permits = Permits::new(2);
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let permit = permits.take("a", &|| false).expect("not canceled");
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(5));
                    now.fetch_sub(1, Ordering::SeqCst);
                    drop(permit);
                });
            }
        });
        assert_eq!(most.load(Ordering::SeqCst), 2);
        let _held = (permits.take("a", &|| false), permits.take("a", &|| false));
        assert!(permits.take("b", &|| false).is_some());
        assert!(permits.take("a", &|| true).is_none());
    }
}
