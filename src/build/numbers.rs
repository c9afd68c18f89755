//! Numbers of steps in the display, in the order in which they are first mentioned.

use std::sync::atomic::{AtomicU32, Ordering};

use super::error::Error;
use crate::progress::{Event, Sink, StepNumber};
use crate::worker::NextNumber;

/// Gives out numbers.
#[derive(Debug, Default)]
pub struct Numbers(AtomicU32);

impl NextNumber for Numbers {
    fn next(&self) -> StepNumber {
        StepNumber(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

impl Numbers {
    /// Shows `work` as a step of its own.
    pub fn shown<T>(
        &self,
        sink: &dyn Sink,
        name: &str,
        work: impl FnOnce(StepNumber) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let step = self.next();
        sink.send(Event::Started { step, name: name.to_string() });
        let result = work(step);
        sink.send(match &result {
            Ok(_) => Event::Done { step },
            Err(Error::Interrupted) => Event::Canceled { step },
            Err(e) => Event::Failed { step, message: e.to_string() },
        });
        result
    }
}
