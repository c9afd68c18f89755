//! What moving images needs besides the two ends.

use super::error::Error;
use crate::export::Bring;
use crate::oci::Digest;
use crate::progress::{Event, Sink, StepNumber};
use crate::registry::{Client, in_parallel};
use crate::store::Store;

/// Who moves, and who hears of it.
pub struct Mover<'a> {
    /// Holds what has to lie somewhere on the way, and remembers which repositories have which blobs.
    pub store: &'a Store,
    /// The registries.
    pub client: &'a Client,
    /// Who is told of progress.
    pub sink: &'a dyn Sink,
    /// The step that it is shown as.
    pub step: StepNumber,
    /// Whether to stop.
    pub canceled: &'a (dyn Fn() -> bool + Sync),
    /// Brings a layer into the store that is not there.
    pub bring: &'a Bring<'a>,
}

/// How many bytes go by between two events.
const TOLD: u64 = 1 << 20;

impl Mover<'_> {
    /// An error if somebody wants an end.
    pub(super) fn go_on(&self) -> Result<(), Error> {
        if (self.canceled)() { Err(Error::Interrupted) } else { Ok(()) }
    }

    /// Tells of the bytes of one blob, not too often.
    pub(super) fn told(&self, what: Digest, total: u64) -> impl Fn(u64) + '_ {
        let last = std::cell::Cell::new(0);
        move |current| {
            if current >= last.get() + TOLD || current == total && total > TOLD {
                last.set(current);
                self.sink.send(Event::Transfer { step: self.step, what, current, total: Some(total) });
            }
        }
    }

    /// A line for whoever watches.
    pub(super) fn say(&self, message: String) {
        self.sink.send(Event::Notice { step: self.step, message });
    }

    /// Does `work` for each of `items`, a few at once; results in their order, or the error of the first that failed.
    pub(super) fn in_parallel<T: Sync, R: Send>(
        &self,
        items: &[T],
        work: impl Fn(&T) -> Result<R, Error> + Sync,
    ) -> Result<Vec<R>, Error> {
        in_parallel(items, |item| self.go_on().and_then(|()| work(item)))
    }
}
