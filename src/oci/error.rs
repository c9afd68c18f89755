//! What can be wrong with a name, a digest, a platform or a document.

/// A value that is not what its specification says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not `sha256:` and 64 lower-case hexadecimal digits.
    #[error("invalid digest {0:?}: expected sha256: and 64 lower-case hexadecimal digits")]
    Digest(String),
    /// A reference that Docker's grammar refuses.
    #[error("invalid image reference {reference:?}: {reason}")]
    Reference {
        /// What was written.
        reference: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Not `os/arch[/variant]`.
    #[error("invalid platform {0:?}: expected os/architecture[/variant], such as linux/amd64")]
    Platform(String),
    /// A time that is neither a number of seconds nor RFC 3339.
    #[error("invalid time {0:?}: expected whole seconds since 1970-01-01T00:00:00Z")]
    Time(String),
}
