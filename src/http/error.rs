//! What can go wrong between a request and its answer, said with the address and the cause.

use std::time::Duration;

use ureq::http::Method;

use super::failure::{Failure, FailureKind};

/// An exchange that did not happen or was not good.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not an address that can be asked.
    #[error("invalid URL {url:?}: {reason}")]
    Url {
        /// What was written, without user info and query.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A header value that would not be one header.
    #[error("the value of the header {name} holds a control character")]
    Header {
        /// Which header.
        name: &'static str,
    },
    /// A redirect that is not followed.
    #[error("{from} redirects to {to}: {reason}")]
    Redirect {
        /// Who answered.
        from: String,
        /// Where it pointed, as far as it can be shown.
        to: String,
        /// Why not.
        reason: &'static str,
    },
    /// No answer, or one that broke off.
    #[error("{method} {url}: {failure}")]
    Exchange {
        /// What was asked.
        method: Method,
        /// Of whom.
        url: String,
        /// What happened.
        failure: Failure,
    },
    /// An answer that is a refusal.
    #[error("{method} {url}: the server answered {status}{}{}", reason(*status), told(detail))]
    Status {
        /// What was asked.
        method: Method,
        /// Of whom.
        url: String,
        /// HTTP status code.
        status: u16,
        /// What the server said about it, cleaned and shortened.
        detail: String,
        /// How long the server asked to be left alone.
        retry_after: Option<Duration>,
    },
    /// More bytes than the kind of document can have.
    #[error("{url}: the answer is larger than {limit} bytes")]
    TooLarge {
        /// Whose answer.
        url: String,
        /// What was allowed.
        limit: u64,
    },
    /// Another number of bytes than promised.
    #[error("{url}: the server sends {got} bytes where {want} belong")]
    Size {
        /// Whose answer.
        url: String,
        /// Bytes on offer.
        got: u64,
        /// Bytes expected.
        want: u64,
    },
    /// Broken off, and not to be continued.
    #[error("{url}: the transfer broke off after {done} bytes and cannot be continued: {reason}")]
    Broken {
        /// Whose answer.
        url: String,
        /// Bytes that arrived.
        done: u64,
        /// Why it cannot go on.
        reason: &'static str,
    },
    /// Gave up waiting.
    #[error("{cause} (tried {attempts} times in {waited} s{})", wished(*asked))]
    GaveUp {
        /// How it ended.
        cause: Box<Error>,
        /// How often it was tried.
        attempts: u32,
        /// Seconds that were spent waiting.
        waited: u64,
        /// Seconds that the server asked for, where that was too long.
        asked: Option<u64>,
    },
    /// What was received could not be written.
    #[error("cannot write what {url} sends: {source}")]
    Write {
        /// Whose answer.
        url: String,
        /// What happened.
        source: std::io::Error,
    },
    /// Somebody stopped the work.
    #[error("canceled")]
    Canceled,
}

impl Error {
    /// Whether the same request may well succeed a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Exchange { failure, .. } => failure.kind.is_transient(),
            Error::Status { status, .. } => is_transient_status(*status),
            _ => false,
        }
    }

    /// The kind of failure, if that is what it was.
    pub fn failure_kind(&self) -> Option<FailureKind> {
        match self {
            Error::Exchange { failure, .. } => Some(failure.kind),
            Error::GaveUp { cause, .. } => cause.failure_kind(),
            _ => None,
        }
    }

    /// The status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            Error::Status { status, .. } => Some(*status),
            Error::GaveUp { cause, .. } => cause.status(),
            _ => None,
        }
    }

    /// Whether it ended because somebody stopped it.
    pub fn is_canceled(&self) -> bool {
        matches!(self, Error::Canceled)
    }
}

/// Whether an answer of that status is one to wait out.
pub(super) fn is_transient_status(status: u16) -> bool {
    // SPEC: RFC 9110 section 15, RFC 6585: too early, too many, timeouts, and the server's own troubles.
    matches!(status, 408 | 425 | 429 | 500 | 502..=504 | 507 | 509 | 520..=524 | 529)
}

fn reason(status: u16) -> String {
    ureq::http::StatusCode::from_u16(status)
        .ok()
        .and_then(|s| s.canonical_reason())
        .map(|r| format!(" {r}"))
        .unwrap_or_default()
}

fn told(detail: &str) -> String {
    if detail.is_empty() { String::new() } else { format!(": {detail}") }
}

fn wished(seconds: Option<u64>) -> String {
    seconds.map(|s| format!("; the server asked to wait {s} s")).unwrap_or_default()
}
