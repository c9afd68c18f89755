//! Manifests to a repository: after everything that they name, and under their tag last of all.

use serde::Deserialize;

use super::client::Client;
use super::document::ACCEPTED;
use super::error::Error;
use super::session::{Ask, Right};
use crate::http::{Content, Method};
use crate::oci::{Digest, Reference};

#[derive(Deserialize)]
struct Refusals {
    #[serde(default)]
    errors: Vec<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    code: String,
    #[serde(default)]
    detail: serde_json::Value,
}

impl Client {
    /// Puts a manifest or index under the tag of `to`, or under its digest alone if `to` has no tag. Says whether there
    /// was anything to do. A registry that misses blobs is [`Error::Incomplete`].
    pub fn push_manifest(&self, to: &Reference, media_type: &str, bytes: &[u8]) -> Result<bool, Error> {
        let site = self.0.settings.home(to)?;
        let digest = Digest::of(bytes);
        let name = to.tag.clone().unwrap_or_else(|| digest.to_string());
        let what = match &to.tag {
            Some(tag) => format!("{}:{tag}", to.name()),
            None => format!("{}@{digest}", to.name()),
        };
        let place = format!("manifests/{name}");
        let headers = vec![("accept", ACCEPTED.join(", "))];
        let ask = Ask { right: Right::Push, headers, ..Ask::new(Method::HEAD, place.clone(), &what) };
        let there = self.0.session.send(&site, &ask)?;
        let known = there.header("docker-content-digest").and_then(|d| d.parse::<Digest>().ok());
        if there.status == 200 && known == Some(digest) {
            return Ok(false);
        }
        let ask = Ask {
            right: Right::Push,
            headers: vec![("content-type", media_type.to_string())],
            content: Content::Bytes(bytes.to_vec()),
            ..Ask::new(Method::PUT, place, &what)
        };
        let mut response = self.0.session.send(&site, &ask)?;
        if matches!(response.status, 200..=204) {
            // The registry hashes what it got: another digest is a manifest that was changed on the way.
            let told = response.header("docker-content-digest").and_then(|d| d.parse::<Digest>().ok());
            return match told.filter(|told| *told != digest) {
                None => Ok(true),
                Some(actual) => Err(Error::Digest { what, expected: digest, actual }),
            };
        }
        // LIMIT: an error document.
        let said = response.bytes(64 << 10).unwrap_or_default();
        let missing = missing(&said);
        if matches!(response.status, 400 | 404) && !missing.is_empty() {
            return Err(Error::Incomplete { what, missing });
        }
        let detail = String::from_utf8_lossy(&said).chars().filter(|c| !c.is_control()).take(300).collect();
        Err(Error::Refused { what, source: response.refusal_saying(detail) })
    }
}

/// The blobs that a refusal names. SPEC: distribution-spec, codes `BLOB_UNKNOWN` and `MANIFEST_BLOB_UNKNOWN`.
fn missing(body: &[u8]) -> Vec<Digest> {
    let Ok(refusals) = serde_json::from_slice::<Refusals>(body) else { return Vec::new() };
    let unknown = refusals.errors.iter().filter(|refusal| refusal.code.ends_with("BLOB_UNKNOWN"));
    let mut missing: Vec<Digest> = unknown
        .filter_map(|refusal| {
            let digest = refusal.detail.get("digest").or_else(|| refusal.detail.get("Digest"));
            digest.unwrap_or(&refusal.detail).as_str()?.parse().ok()
        })
        .collect();
    missing.sort_unstable();
    missing.dedup();
    missing
}
