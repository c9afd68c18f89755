//! Time and cancellation, as values: waiting is done here and nowhere else in the room.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// A question that is asked often: should the work stop?
#[derive(Clone)]
pub struct Canceled(Arc<dyn Fn() -> bool + Send + Sync>);

impl Canceled {
    /// The token that `question` answers for.
    pub fn new(question: impl Fn() -> bool + Send + Sync + 'static) -> Canceled {
        Canceled(Arc::new(question))
    }

    /// The token of work that nobody stops.
    pub fn never() -> Canceled {
        Canceled::new(|| false)
    }

    /// Whether the work should stop.
    pub fn is_set(&self) -> bool {
        (self.0)()
    }
}

impl Default for Canceled {
    fn default() -> Canceled {
        Canceled::never()
    }
}

impl std::fmt::Debug for Canceled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Canceled({})", self.is_set())
    }
}

/// How often a wait looks at its token.
pub(super) const SLICE: Duration = Duration::from_millis(100);

/// A clock that only runs forward. Cheap to clone; clones show the same time.
#[derive(Clone, Debug)]
pub struct Clock(Hands);

#[derive(Clone, Debug)]
enum Hands {
    System,
    /// Nanoseconds that were slept.
    Stepped(Arc<AtomicU64>),
}

impl Clock {
    /// The machine's own.
    pub fn system() -> Clock {
        Clock(Hands::System)
    }

    /// A clock that stands still until somebody sleeps, and then jumps: for tests.
    pub fn stepped() -> Clock {
        Clock(Hands::Stepped(Arc::default()))
    }

    /// Time since some fixed instant.
    pub fn now(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        match &self.0 {
            Hands::System => START.elapsed(),
            Hands::Stepped(nanos) => Duration::from_nanos(nanos.load(Ordering::SeqCst)),
        }
    }

    /// Waits, unless and until `canceled`; says whether the whole time went by.
    pub fn sleep(&self, duration: Duration, canceled: &dyn Fn() -> bool) -> bool {
        let end = self.now() + duration;
        loop {
            if canceled() {
                return false;
            }
            let Some(left) = end.checked_sub(self.now()).filter(|left| !left.is_zero()) else { return true };
            match &self.0 {
                Hands::System => std::thread::sleep(left.min(SLICE)),
                Hands::Stepped(nanos) => {
                    nanos.fetch_add(u64::try_from(left.as_nanos()).unwrap_or(u64::MAX), Ordering::SeqCst);
                }
            }
        }
    }
}

impl Default for Clock {
    fn default() -> Clock {
        Clock::system()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleeping_on_a_stepped_clock_takes_no_time_but_moves_it() {
        let clock = Clock::stepped();
        assert!(clock.sleep(Duration::from_secs(3600), &|| false));
        assert_eq!(clock.now(), Duration::from_secs(3600));
    }

    #[test]
    fn a_canceled_sleep_ends_at_once() {
        let began = Instant::now();
        assert!(!Clock::system().sleep(Duration::from_secs(3600), &|| true));
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}
