//! One HTTP client for registries, ADD and contexts: TLS, proxies, retry, limits, no credential leaves its host.
//!
//! [`Client::send`] makes one exchange the way that everything here wants it: redirects followed by our own rules,
//! transient faults waited out, cancellation seen within a fraction of a second. [`Client::download`] adds resuming
//! to it. Below stands the trait [`Transport`], one exchange and nothing else, with two implementations: [`Wire`]
//! (ureq and rustls) and [`Memory`], its twin without a network.
//!
//! **Invariants**: an `Authorization` header reaches the origin that it was made for and no other; nothing that
//! began under TLS goes on without it; every body is read with a limit; no error shows user info or the values of
//! unknown query parameters.
//!
//! **Not here**: reading the environment (`cli` does, see [`Options`]), cookies, decompression (bodies are verbatim),
//! HTTP/2. An address that a public *name* resolves to is not judged, only addresses and names that are written out.

mod address;
mod certificates;
mod client;
mod clock;
mod download;
mod error;
mod failure;
mod memory;
mod part;
mod patience;
mod proxy;
mod redirect;
mod request;
mod response;
mod retry;
mod roots;
mod secret;
mod transport;
mod url;
mod wire;

pub use address::Reach;
pub use certificates::HostCertificates;
pub use client::{Client, Notice, Options, USER_AGENT, Watcher};
pub use clock::{Canceled, Clock};
pub use download::{Continue, Plan, Resume};
pub use error::Error;
pub use failure::{Failure, FailureKind};
pub use memory::{Answer, Fault, Memory, Seen};
pub use part::{Part, PartReader, Source};
pub use proxy::Proxies;
pub use redirect::follow;
pub use request::{Content, Method, Request};
pub use response::Response;
pub use retry::{Backoff, Patience};
pub use roots::Trust;
pub use secret::Secret;
pub use transport::Transport;
pub use url::Url;
pub use wire::{Timeouts, Wire};
