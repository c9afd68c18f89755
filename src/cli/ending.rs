//! What a command comes to.

/// What a command came to.
pub enum Ending {
    /// This exit code.
    Code(u8),
    /// The same again, in a user namespace, with these variables.
    Enter(Vec<(String, String)>),
    /// An error, said already or to be said.
    Failed(String),
    /// Ctrl-C, SIGTERM or SIGHUP.
    Interrupted,
}
