//! Asking mirrors first, and the registry itself in the end.

use std::sync::PoisonError;
use std::time::Duration;

use super::client::{Client, Inner};
use super::error::Error;
use super::registries::Site;
use super::session::Session;
use crate::http::Notice;
use crate::oci::Reference;

impl Client {
    /// Does `work` at the first mirror that can, else at the registry itself, whose error it is if nobody can.
    pub(super) fn anywhere<T>(
        &self,
        reference: &Reference,
        mut work: impl FnMut(&Session, &Site) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (mirrors, own) = self.0.mirrors(reference)?;
        let mut said = Vec::new();
        for mirror in &mirrors {
            match work(&self.0.hurried, mirror) {
                Ok(done) => return Ok(done),
                Err(error) if is_ours(&error) => return Err(error),
                Err(error) => said.push(self.0.passed_over(mirror, &error)),
            }
        }
        work(&self.0.session, &own).map_err(|error| after(error, said))
    }
}

impl Inner {
    /// The mirrors that are still asked, and the place itself.
    pub(super) fn mirrors(&self, reference: &Reference) -> Result<(Vec<Site>, Site), Error> {
        let mut sites = self.settings.sites(reference)?;
        let own = sites.pop().expect("the place itself is always there");
        let given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        sites.retain(|site| !given_up.contains(&site.reference.registry));
        Ok((sites, own))
    }

    /// Tells that a mirror did not help, and asks it no more unless it only lacks this one thing.
    pub(super) fn passed_over(&self, mirror: &Site, error: &Error) -> String {
        let name = &mirror.reference.registry;
        if !error.is_not_found() && !error.is_denied() {
            self.given_up.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone());
        }
        let trouble = format!("the mirror {name}: {error}");
        self.session.http.tell(&Notice { trouble: trouble.clone(), wait: Duration::ZERO });
        trouble
    }
}

/// Whether another place would change nothing.
pub(super) fn is_ours(error: &Error) -> bool {
    error.is_canceled()
        || matches!(error, Error::Write { .. } | Error::Http(crate::http::Error::Write { .. }))
}

/// The error of the last place, with what the others said.
pub(super) fn after(error: Error, mirrors: Vec<String>) -> Error {
    match mirrors.is_empty() || error.is_canceled() {
        true => error,
        false => Error::Everywhere { source: Box::new(error), mirrors },
    }
}
