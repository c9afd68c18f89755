//! Images by name: from the store or a registry, as `--pull` says; each name is asked for once in a build.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use super::bases::{Bases, Resolved};
use super::error::Error;
use super::policy::PullPolicy;
use crate::oci::{Digest, Platform, Reference};
use crate::plan::BaseRequest;
use crate::store::Origin;

impl Bases<'_> {
    /// Finds the image that a name means.
    pub(super) fn named(&self, request: &BaseRequest, name: &Reference) -> Result<Resolved, Error> {
        let platform = &request.key.platform;
        let reference = match self.is_our_own(name)? {
            true => name.clone(),
            false => self.alias(request, name).unwrap_or_else(|| name.clone()),
        };
        // What was told once, to this process or to one before it, holds for the whole build.
        let of_before = self.options.asked.get(&bare(&reference)).copied();
        let told = of_before.or(self.asked().get(&bare(&reference)).copied());
        let told = told.filter(|_| reference.digest.is_none());
        let reference = Reference { digest: reference.digest.or(told), ..reference };
        let policy = self.options.pull;
        match self.in_store(&reference, platform)? {
            Some(found)
                if reference.digest.is_some() || !policy.asks_again() || self.is_our_own(&reference)? =>
            {
                Ok(found)
            }
            Some(found) => self.renewed(found, &reference, platform),
            None if policy == PullPolicy::Never => Err(Error::Base {
                name: request.written.clone(),
                reason: format!(
                    "the store has no image {} for {platform}, and --pull=never",
                    reference.familiar()
                ),
                hint: Some(format!("rbuild pull {}", reference.familiar())),
            }),
            None => self.in_registry(&reference, platform),
        }
    }

    /// What the registry was asked so far: tags, and what they are.
    pub fn asked(&self) -> BTreeMap<Reference, Digest> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the image was built or imported here: then no registry has a say.
    fn is_our_own(&self, reference: &Reference) -> Result<bool, Error> {
        let name = self.store.name(&bare(reference))?;
        Ok(name.is_some_and(|name| name.origin != Origin::Pulled))
    }

    /// What `registries.conf` says that a short name stands for.
    fn alias(&self, request: &BaseRequest, name: &Reference) -> Option<Reference> {
        // A named context has another name for it in the Dockerfile.
        let written: Reference = request.written.parse().ok()?;
        let alias = self.options.registry.registries.alias(&request.written);
        alias.filter(|_| written == *name)
    }

    /// The image of the store, or a newer one if the registry has it.
    fn renewed(
        &self,
        found: Resolved,
        reference: &Reference,
        platform: &Platform,
    ) -> Result<Resolved, Error> {
        let known = self.store.name(&bare(reference))?.map(|name| name.manifest.digest);
        // Asking for the digest alone is cheaper, also for those who count pulls.
        let client = match self.options.pull {
            // The store has an answer if the registry has none.
            PullPolicy::Newer => self.client().in_a_hurry(),
            _ => self.client().clone(),
        };
        let result = match client.digest(reference) {
            Ok(Some(now)) if Some(now) == known => {
                self.note(reference, now);
                return Ok(Resolved { notice: format!("the registry still has {now}"), ..found });
            }
            Ok(_) => self.in_registry(reference, platform),
            Err(error) => Err(error.into()),
        };
        match result {
            Err(Error::Registry(error)) if self.options.pull == PullPolicy::Newer && !error.is_canceled() => {
                Ok(Resolved { notice: format!("{error}; from the store then (--pull=newer)"), ..found })
            }
            result => result,
        }
    }

    /// Remembers what a tag is, for the rest of the build.
    pub(super) fn note(&self, reference: &Reference, digest: Digest) {
        if reference.digest.is_none() {
            self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(reference.clone(), digest);
        }
    }
}

fn bare(reference: &Reference) -> Reference {
    Reference { digest: None, ..reference.clone() }
}
