//! Bearer tokens: asked of the token server that a challenge names, with or without credentials.

use std::time::Duration;

use serde::Deserialize;

use super::challenge::Challenge;
use super::credentials::Credential;
use super::document::refusal_detail;
use super::error::Error;
use super::grant::{Grant, Shown};
use super::realm;
use super::registries::Registries;
use crate::http::{self, Request, Secret, Url};

/// What a token is wanted for.
pub(super) struct Wanted<'a> {
    /// The registry as people write it.
    pub registry: &'a str,
    /// Where the challenge came from.
    pub origin: &'a Url,
    /// Such as `repository:library/busybox:pull`; several stand with a space between.
    pub scope: &'a str,
    /// What there is to show.
    pub credential: Option<&'a Credential>,
    /// Pairs of registry host and token host that the user lets share credentials.
    pub named: &'a [(String, String)],
    /// Which hosts may do without TLS.
    pub settings: &'a Registries,
    /// Whether the registry itself may.
    pub insecure: bool,
}

impl Wanted<'_> {
    /// Whether a token server need not speak TLS with a trusted certificate: the user said so of it, or of the registry
    /// and it is the same host.
    fn is_insecure(&self, realm: &Url) -> bool {
        let host =
            if realm.host().contains(':') { format!("[{}]", realm.host()) } else { realm.host().to_string() };
        (self.insecure && realm.host() == self.origin.host())
            || self.settings.is_insecure(&host)
            || self.settings.is_insecure(&format!("{host}:{}", realm.port()))
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
    #[serde(default)]
    expires_in: Option<f64>,
}

// LIMIT: tokens of some hundred kilobytes exist where groups are listed in them.
const LARGEST: u64 = 1 << 20;

/// Follows a bearer challenge. SPEC: distribution's token authentication and OAuth 2 documents.
pub(super) fn fetch(client: &http::Client, wanted: &Wanted, challenge: &Challenge) -> Result<Grant, Error> {
    if let Some(Credential::Token(token)) = wanted.credential {
        let authorization = Secret::bearer(token.reveal());
        return Ok(Grant { authorization, expires: None, shown: Shown::Credentials });
    }
    let text = challenge.parameters.get("realm").map(String::as_str).unwrap_or_default();
    let refused = |realm: &str, reason: String| Error::Realm {
        registry: wanted.registry.to_string(),
        realm: realm.to_string(),
        reason,
    };
    if text.is_empty() {
        return Err(refused("nowhere", "the challenge names no realm".to_string()));
    }
    let realm = realm::admit(wanted.origin, text, &|realm| wanted.is_insecure(realm)).map_err(|reason| {
        let shown = wanted.origin.join(text).map_or_else(|_| "another place".to_string(), |u| u.to_string());
        refused(&shown, reason)
    })?;
    // ORDER: before any credential is put into a request.
    let credential = wanted.credential.filter(|_| realm::may_know(wanted.origin, &realm, wanted.named));
    let shown = match (wanted.credential, credential) {
        (None, _) => Shown::Nobody,
        (Some(_), Some(_)) => Shown::Credentials,
        (Some(_), None) => Shown::Withheld(realm.host().to_string()),
    };
    let service = challenge.parameters.get("service").map(String::as_str);
    let request = match credential {
        Some(Credential::Identity(token)) => {
            let mut fields = vec![
                ("grant_type", "refresh_token"),
                ("client_id", "rbuild"),
                ("scope", wanted.scope),
                ("refresh_token", token.reveal()),
            ];
            fields.extend(service.map(|s| ("service", s)));
            Request::form(realm.clone(), &fields)
        }
        other => {
            let mut url = realm.clone();
            if let Some(service) = service {
                url = url.with_query("service", service);
            }
            let authorization = match other {
                Some(Credential::Basic { user, password }) => Some(Secret::basic(user, password.reveal())),
                _ => None,
            };
            // SPEC: one parameter a scope here, one list in a form.
            for scope in wanted.scope.split(' ').filter(|scope| !scope.is_empty()) {
                url = url.with_query("scope", scope);
            }
            Request::get(url).authorized(authorization)
        }
    };
    let mut request = request;
    request.unverified = wanted.is_insecure(&realm);
    let mut backoff = client.backoff();
    let began = client.clock().now();
    let bytes = loop {
        let mut response = client.send(&request)?;
        match response.status {
            200 => {}
            401 | 403 => {
                return Err(Error::Denied {
                    what: format!("a token from {realm} for {}", wanted.scope),
                    detail: refusal_detail(response),
                    hint: hint(wanted.registry, &shown),
                });
            }
            _ => {
                let what = format!("asking for a token for {}", wanted.registry);
                return Err(Error::Refused { what, source: response.refusal() });
            }
        }
        match response.bytes(LARGEST) {
            Ok(bytes) => break bytes,
            Err(error) => client.pause(&mut backoff, error)?,
        }
    };
    let wrong = |reason: &str| Error::Token {
        registry: wanted.registry.to_string(),
        realm: realm.to_string(),
        reason: reason.to_string(),
    };
    let answer: Answer = serde_json::from_slice(&bytes).map_err(|_| wrong("does not answer in JSON"))?;
    let token = answer.token.filter(|t| !t.is_empty()).or(answer.access_token).unwrap_or_default();
    if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(wrong("answers without a token"));
    }
    // SPEC: 60 seconds where nothing is said. A tenth is left for the way.
    let life = answer.expires_in.filter(|s| s.is_finite() && *s > 0.0).unwrap_or(60.0).min(86_400.0);
    let expires = Some(began + Duration::from_secs_f64(life * 0.9));
    Ok(Grant { authorization: Secret::bearer(&token), expires, shown })
}

/// What to do about a denial.
pub(super) fn hint(registry: &str, shown: &Shown) -> String {
    match shown {
        Shown::Nobody => format!("there are no credentials for {registry}: log in (rbuild login {registry})"),
        Shown::Credentials => {
            format!("the credentials for {registry} are not accepted: log in again (rbuild login {registry})")
        }
        Shown::Withheld(host) => {
            format!(
                "the credentials for {registry} were not shown to {host}, whose name tells of another owner"
            )
        }
    }
}
