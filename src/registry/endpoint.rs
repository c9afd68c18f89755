//! Where a registry's API is, and whether a registry on this machine speaks TLS.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::error::Error;
use super::registries::Site;
use crate::http::{self, FailureKind, Request, Url};

/// The addresses of registries, as far as they had to be found out.
#[derive(Default)]
pub(super) struct Endpoints(Mutex<BTreeMap<(String, bool), Url>>);

impl Endpoints {
    /// The address that ends in `/v2/`. A loopback host, or one that the user said may do without, is asked once
    /// whether it speaks TLS; no other host is ever spoken to without it.
    pub fn base(&self, client: &http::Client, site: &Site) -> Result<Url, Error> {
        let host = match site.reference.registry.as_str() {
            "docker.io" => "registry-1.docker.io",
            other => other,
        };
        let secure = Url::parse(&format!("https://{host}/v2/"))?;
        if !site.reference.is_loopback() && !site.insecure {
            return Ok(secure);
        }
        let key = (host.to_string(), site.insecure);
        if let Some(known) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(known.clone());
        }
        let plain = Url::parse(&format!("http://{host}/v2/"))?;
        let mut request = Request::get(secure.clone());
        request.unverified = site.insecure;
        let found = match client.send_once(&request) {
            Ok(_) => secure,
            Err(error) => match error.failure_kind() {
                Some(FailureKind::NotTls | FailureKind::Broken | FailureKind::Stalled) => plain,
                // Nobody at the door of TLS; without a port in the name, the other door is another port.
                Some(FailureKind::Connect) if site.insecure && secure.port() != plain.port() => plain,
                // A certificate that is not trusted is no reason to do without.
                Some(FailureKind::Tls) => secure,
                // Not there (yet): ask again next time, and let the request itself say so.
                _ if error.is_canceled() => return Err(error.into()),
                _ => return Ok(secure),
            },
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, found.clone());
        Ok(found)
    }
}
