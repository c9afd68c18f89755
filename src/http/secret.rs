//! Text that is never shown: passwords, tokens, user info.

use std::fmt;

use base64::Engine as _;

/// Text that no message, log or debug print shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// `Basic …` for a user and password. SPEC: RFC 7617.
    pub fn basic(user: &str, password: &str) -> Secret {
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        Secret(format!("Basic {pair}"))
    }

    /// `Bearer …` for a token. SPEC: RFC 6750.
    pub fn bearer(token: &str) -> Secret {
        Secret(format!("Bearer {token}"))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
