//! What became of an exchange that failed, sorted by what to do about it.

use std::fmt;

/// What became of an exchange that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The name of the host is not known.
    Host,
    /// No connection.
    Connect,
    /// The server does not speak TLS.
    NotTls,
    /// TLS failed: certificate, version, name.
    Tls,
    /// The proxy refused.
    Proxy,
    /// Nothing came for too long.
    Stalled,
    /// Reset, or ended early.
    Broken,
    /// What came is not HTTP, or the request cannot be one.
    Protocol,
    /// Somebody stopped it.
    Canceled,
}

impl FailureKind {
    /// Whether trying again can help.
    pub fn is_transient(self) -> bool {
        match self {
            FailureKind::Host | FailureKind::Connect | FailureKind::Stalled | FailureKind::Broken => true,
            FailureKind::NotTls
            | FailureKind::Tls
            | FailureKind::Proxy
            | FailureKind::Protocol
            | FailureKind::Canceled => false,
        }
    }

    /// Whether the cause is likely to stay (a typing error, a server that is not there), so that patience is short.
    pub fn is_stubborn(self) -> bool {
        matches!(self, FailureKind::Host | FailureKind::Connect)
    }
}

/// A failed exchange: its kind, and one sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What to do about it.
    pub kind: FailureKind,
    /// What to say about it.
    pub message: String,
}

impl Failure {
    /// A failure.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Failure {
        Failure { kind, message: message.into() }
    }

    /// The failure inside an error of a body's reader; any other such error is a broken connection.
    pub fn of_read(error: &std::io::Error) -> Failure {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Failure>()) {
            Some(failure) => failure.clone(),
            None => Failure::new(FailureKind::Broken, error.to_string()),
        }
    }

    /// As an error of a body's reader.
    pub fn into_read_error(self) -> std::io::Error {
        std::io::Error::other(self)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
