//! TCP reads in slices, so that a canceled build does not wait for a silent server.

use std::fmt;
use std::time::{Duration, Instant};

use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport, time};

use super::clock::{Canceled, SLICE};
use super::failure::{Failure, FailureKind};

/// Wraps each connection of a chain of connectors.
pub(super) struct Interruptible(pub Canceled);

impl<In: Transport> Connector<In> for Interruptible {
    type Out = Sliced<In>;

    fn connect(&self, _: &ConnectionDetails, chained: Option<In>) -> Result<Option<Sliced<In>>, ureq::Error> {
        Ok(chained.map(|inner| Sliced { inner, canceled: self.0.clone() }))
    }
}

impl fmt::Debug for Interruptible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interruptible")
    }
}

/// A connection that looks up from waiting.
pub(super) struct Sliced<T> {
    inner: T,
    canceled: Canceled,
}

impl<T: Transport> Transport for Sliced<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        if self.canceled.is_set() {
            return Err(canceled());
        }
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let whole = timeout.for_read();
        let began = Instant::now();
        loop {
            if self.canceled.is_set() {
                return Err(canceled());
            }
            let left = match whole.after {
                time::Duration::Exact(after) => after.saturating_sub(began.elapsed()),
                time::Duration::NotHappening => Duration::MAX,
            };
            if left.is_zero() {
                return Err(ureq::Error::Timeout(whole.reason));
            }
            // A slice that ends without input has taken nothing from the socket, so the next one can go on.
            let slice = time::Duration::Exact(left.min(SLICE));
            match self.inner.await_input(NextTimeout { after: slice, per_read: None, ..whole }) {
                Err(ureq::Error::Timeout(_)) => {}
                done => return done,
            }
        }
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

impl<T> fmt::Debug for Sliced<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sliced")
    }
}

fn canceled() -> ureq::Error {
    ureq::Error::Other(Box::new(Failure::new(FailureKind::Canceled, "canceled")))
}
