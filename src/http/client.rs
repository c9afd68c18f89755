//! Requests the way everything here wants them: redirects by our rules, transient faults waited out.

use std::sync::Arc;
use std::time::Duration;

use super::certificates::HostCertificates;
use super::clock::{Canceled, Clock};
use super::error::{Error, is_transient_status};
use super::failure::FailureKind;
use super::proxy::Proxies;
use super::redirect;
use super::request::Request;
use super::response::Response;
use super::retry::{Backoff, Patience};
use super::roots::Trust;
use super::transport::Transport;
use super::wire::{Timeouts, Wire};

/// Who we say that we are.
pub const USER_AGENT: &str = concat!("rbuild/", env!("CARGO_PKG_VERSION"));

/// A wait, for whoever watches.
#[derive(Clone, Debug)]
pub struct Notice {
    /// What happened, in one line.
    pub trouble: String,
    /// How long the client waits before it tries again.
    pub wait: Duration,
}

/// Whoever watches.
pub type Watcher = Arc<dyn Fn(&Notice) + Send + Sync>;

/// What a client is told at its making; nothing is read from the environment later.
#[derive(Clone, Default)]
pub struct Options {
    /// Root certificates.
    pub trust: Trust,
    /// Certificates of single hosts.
    pub certificates: HostCertificates,
    /// Proxies.
    pub proxies: Proxies,
    /// How long the network may be silent.
    pub timeouts: Timeouts,
    /// How much trouble is waited out.
    pub patience: Patience,
    /// Whether to stop.
    pub canceled: Canceled,
    /// The clock that waits are measured with.
    pub clock: Clock,
    /// Told before each wait.
    pub notice: Option<Watcher>,
}

/// The client. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Client {
    transport: Arc<dyn Transport>,
    options: Arc<Options>,
}

impl Client {
    /// A client of the real network.
    pub fn new(options: Options) -> Client {
        let Options { trust, certificates, proxies, timeouts, canceled, .. } = options.clone();
        let wire = Wire::new(trust, certificates, proxies, timeouts, canceled, USER_AGENT);
        Client::over(Arc::new(wire), options)
    }

    /// A client over another transport.
    pub fn over(transport: Arc<dyn Transport>, options: Options) -> Client {
        Client { transport, options: Arc::new(options) }
    }

    /// The same client, with less or more patience; connections are shared.
    pub fn with_patience(&self, patience: Patience) -> Client {
        let options = Options { patience, ..(*self.options).clone() };
        Client { transport: self.transport.clone(), options: Arc::new(options) }
    }

    /// How much trouble is waited out.
    pub fn patience(&self) -> Patience {
        self.options.patience.clone()
    }

    /// Tells whoever watches.
    pub fn tell(&self, notice: &Notice) {
        if let Some(watcher) = &self.options.notice {
            watcher(notice);
        }
    }

    /// Makes the exchange: follows redirects, and tries again what may pass. Any status that is not transient is an
    /// answer, for the caller to judge.
    pub fn send(&self, request: &Request) -> Result<Response, Error> {
        let mut backoff = self.backoff();
        loop {
            let error = match self.send_once(request) {
                Ok(response) if !is_transient_status(response.status) => return Ok(response),
                Ok(response) => response.refusal(),
                Err(error) => error,
            };
            self.pause(&mut backoff, error)?;
        }
    }

    /// As [`Client::send`], trying once.
    pub fn send_once(&self, request: &Request) -> Result<Response, Error> {
        let mut current = request.clone();
        for _ in 0..=redirect::MOST {
            if self.options.canceled.is_set() {
                return Err(Error::Canceled);
            }
            let response = self.transport.exchange(&current).map_err(|failure| match failure.kind {
                FailureKind::Canceled => Error::Canceled,
                _ => {
                    let url = current.url.to_string();
                    Error::Exchange { method: current.method.clone(), url, failure }
                }
            })?;
            match redirect::next(&request.url, &current, &response)? {
                Some(next) => current = next,
                None => return Ok(response),
            }
        }
        let from = request.url.to_string();
        Err(Error::Redirect { from, to: current.url.to_string(), reason: "more than ten redirects in a row" })
    }

    /// The state of trying something that has not failed yet.
    pub fn backoff(&self) -> Backoff {
        Backoff::new(&self.options.patience)
    }

    /// Waits out `error` if it may pass and there is patience left; else it comes back.
    pub fn pause(&self, backoff: &mut Backoff, error: Error) -> Result<(), Error> {
        self.pause_unless(backoff, error, &|| false)
    }

    /// As [`Client::pause`], with one more question whether to stop.
    pub fn pause_unless(
        &self,
        backoff: &mut Backoff,
        error: Error,
        canceled: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        let trouble = error.to_string();
        let wait = backoff.after(error)?;
        self.tell(&Notice { trouble, wait });
        match self.options.clock.sleep(wait, &|| canceled() || self.options.canceled.is_set()) {
            true => Ok(()),
            false => Err(Error::Canceled),
        }
    }

    /// Whether to stop.
    pub fn canceled(&self) -> &Canceled {
        &self.options.canceled
    }

    /// The clock that waits are measured with.
    pub fn clock(&self) -> &Clock {
        &self.options.clock
    }

    /// How long the network may be silent.
    pub fn timeouts(&self) -> &Timeouts {
        &self.options.timeouts
    }
}
