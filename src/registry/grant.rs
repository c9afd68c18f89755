//! Authorizations that were won, kept until they expire.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::http::Secret;

/// On whose word an authorization was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Anybody's.
    Nobody,
    /// The registry's credentials were shown.
    Credentials,
    /// There are credentials, but this token server may not see them.
    Withheld(String),
}

/// One authorization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    /// The value of the header.
    pub authorization: Secret,
    /// On the client's clock; none for what does not expire.
    pub expires: Option<Duration>,
    /// On whose word.
    pub shown: Shown,
}

/// Authorizations by registry and scope.
#[derive(Default)]
pub(super) struct Grants(Mutex<BTreeMap<(String, String), Grant>>);

impl Grants {
    /// What is valid at `now`.
    pub fn get(&self, registry: &str, scope: &str, now: Duration) -> Option<Grant> {
        let grants = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let grant = grants.get(&(registry.to_string(), scope.to_string()))?;
        grant.expires.is_none_or(|expires| now < expires).then(|| grant.clone())
    }

    /// Keeps a new one.
    pub fn put(&self, registry: &str, scope: &str, grant: Grant) {
        let mut grants = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        grants.insert((registry.to_string(), scope.to_string()), grant);
    }
}
