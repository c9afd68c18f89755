//! What can go wrong between a reference and the bytes that it names.

use std::path::{Path, PathBuf};

use crate::http;
use crate::oci::{self, Digest};

/// An image, or a part of one, that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The exchange with the registry failed.
    #[error("{0}")]
    Http(#[from] http::Error),
    /// The registry answered with something that the protocol does not know there.
    #[error("{what}: {source}")]
    Refused {
        /// What was asked for.
        what: String,
        /// The answer.
        source: http::Error,
    },
    /// The registry does not have it.
    #[error("{what}: not found in the registry{}", said(detail))]
    NotFound {
        /// What was asked for.
        what: String,
        /// What the registry said.
        detail: String,
    },
    /// The registry does not let us.
    #[error("{what}: access denied{}; {hint}", said(detail))]
    Denied {
        /// What was asked for.
        what: String,
        /// What the registry said.
        detail: String,
        /// What to do.
        hint: String,
    },
    /// A token server that is not to be asked.
    #[error("{registry} sends us to {realm} for a token: {reason}")]
    Realm {
        /// The registry.
        registry: String,
        /// The token server.
        realm: String,
        /// Why not.
        reason: String,
    },
    /// A token server's answer that is none.
    #[error("the token server of {registry} ({realm}) {reason}")]
    Token {
        /// The registry.
        registry: String,
        /// The token server.
        realm: String,
        /// What is wrong.
        reason: String,
    },
    /// A document that is not what it says, or cannot be used.
    #[error("{what}: {reason}")]
    Document {
        /// Which document.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The form of manifests before 2015.
    #[error(
        "{what}: the registry has only a schema 1 manifest, which is obsolete and not verifiable: push the image again \
         with a tool of this decade"
    )]
    Schema1 {
        /// Which image.
        what: String,
    },
    /// Bytes with another digest.
    #[error("{what}: the registry sent bytes with digest {actual} where {expected} was asked for")]
    Digest {
        /// What was asked for.
        what: String,
        /// The digest asked for.
        expected: Digest,
        /// The digest of what came.
        actual: Digest,
    },
    /// Nothing for the platform.
    #[error("{what} has no image for {wanted}; it has: {}", available.join(", "))]
    NoPlatform {
        /// Which image.
        what: String,
        /// The platform asked for.
        wanted: String,
        /// The platforms that there are.
        available: Vec<String>,
    },
    /// A layer that is to be fetched from elsewhere.
    #[error(
        "layer {digest} is a foreign layer, to be fetched from {place} and not from the registry: not supported"
    )]
    Foreign {
        /// The layer.
        digest: String,
        /// Where it is said to be.
        place: String,
    },
    /// A name or digest that is none.
    #[error("{what}: {source}")]
    Name {
        /// Where it stands.
        what: String,
        /// What is wrong.
        source: oci::Error,
    },
    /// A file of credentials that cannot be read.
    #[error("the credentials in {path} cannot be used: {reason}", path = path.display())]
    Credentials {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A credential helper that failed.
    #[error("the credential helper docker-credential-{name} (named in {path}) {reason}", path = path.display())]
    Helper {
        /// Its name.
        name: String,
        /// The file that names it.
        path: PathBuf,
        /// What happened.
        reason: String,
    },
    /// A file of settings that cannot be used.
    #[error("the settings in {path} cannot be used: {reason}", path = path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A name that the settings forbid.
    #[error("{what}: {prefix} is blocked in {file}")]
    Blocked {
        /// Which image.
        what: String,
        /// What is blocked.
        prefix: String,
        /// Where it is.
        file: String,
    },
    /// A mirror sent what is wrong, and is not asked any more.
    #[error("the mirror {mirror}: {source}")]
    Mirror {
        /// Which mirror.
        mirror: String,
        /// What it did.
        source: Box<Error>,
    },
    /// Neither a mirror nor the registry has it.
    #[error("{source} (before that: {})", mirrors.join("; "))]
    Everywhere {
        /// What the registry said.
        source: Box<Error>,
        /// What the mirrors said.
        mirrors: Vec<String>,
    },
    /// What is to be sent cannot be read.
    #[error("cannot read {what}: {source}")]
    Read {
        /// Which blob.
        what: String,
        /// What happened.
        source: std::io::Error,
    },
    /// A manifest that names blobs which the registry says it does not have.
    #[error("{what}: the registry misses {}", listed(missing))]
    Incomplete {
        /// Which manifest.
        what: String,
        /// The blobs.
        missing: Vec<Digest>,
    },
    /// What was received could not be written.
    #[error("cannot write {what}: {source}")]
    Write {
        /// Which blob.
        what: String,
        /// What happened.
        source: std::io::Error,
    },
}

impl Error {
    /// A file of settings that cannot be used.
    pub(super) fn settings(path: &Path, reason: &str) -> Error {
        Error::Settings { path: path.to_path_buf(), reason: reason.to_string() }
    }

    /// Whether it ended because somebody stopped it.
    pub fn is_canceled(&self) -> bool {
        match self {
            Error::Everywhere { source, .. } => source.is_canceled(),
            other => matches!(other, Error::Http(http::Error::Canceled)),
        }
    }

    /// Whether the registry says that there is no such thing.
    pub fn is_not_found(&self) -> bool {
        match self {
            Error::Everywhere { source, .. } => source.is_not_found(),
            other => matches!(other, Error::NotFound { .. }),
        }
    }

    /// Whether the registry refuses: another login may help, another try does not.
    pub fn is_denied(&self) -> bool {
        match self {
            Error::Everywhere { source, .. } => source.is_denied(),
            other => matches!(other, Error::Denied { .. } | Error::Blocked { .. }),
        }
    }

    /// Whether the bytes that came were wrong, so that fetching them anew may help.
    pub fn is_corrupt(&self) -> bool {
        matches!(self, Error::Digest { .. })
    }
}

fn listed(digests: &[Digest]) -> String {
    digests.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn said(detail: &str) -> String {
    if detail.is_empty() { String::new() } else { format!(" ({detail})") }
}

/// An error with all its causes, on one line.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
