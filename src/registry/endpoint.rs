//! Where a registry's API is, and whether a registry on this machine speaks TLS.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::error::Error;
use crate::http::{self, FailureKind, Request, Url};
use crate::oci::Reference;

/// The addresses of registries, as far as they had to be found out.
#[derive(Default)]
pub(super) struct Endpoints(Mutex<BTreeMap<String, Url>>);

impl Endpoints {
    /// The address that ends in `/v2/`. A loopback host is asked once whether it speaks TLS; no other host is ever
    /// spoken to without it.
    pub fn base(&self, client: &http::Client, reference: &Reference) -> Result<Url, Error> {
        let host = match reference.registry.as_str() {
            "docker.io" => "registry-1.docker.io",
            other => other,
        };
        let secure = Url::parse(&format!("https://{host}/v2/"))?;
        if !reference.is_loopback() {
            return Ok(secure);
        }
        if let Some(known) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(host) {
            return Ok(known.clone());
        }
        let found = match client.send_once(&Request::get(secure.clone())) {
            Ok(_) => secure,
            Err(error) => match error.failure_kind() {
                Some(FailureKind::NotTls | FailureKind::Broken | FailureKind::Stalled) => {
                    Url::parse(&format!("http://{host}/v2/"))?
                }
                // A certificate that is not trusted is no reason to do without.
                Some(FailureKind::Tls) => secure,
                // Not there (yet): ask again next time, and let the request itself say so.
                _ if error.is_canceled() => return Err(error.into()),
                _ => return Ok(secure),
            },
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(host.to_string(), found.clone());
        Ok(found)
    }
}
