//! The client: references to documents, descriptors to bytes.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::credentials::Credentials;
use super::document::{ACCEPTED, Kind, media_type, refusal_detail};
use super::error::Error;
use super::permits::Permits;
use super::registries::{Registries, Site};
use super::session::{Ask, Session};
use crate::http::{self, Method, Patience, Response, Transport};
use crate::oci::{Descriptor, Digest, MediaType, Reference, descriptor_digest, new_descriptor};

/// What a client is told at its making.
#[derive(Clone)]
pub struct Options {
    /// The network, patience and cancellation.
    pub http: http::Options,
    /// What there is to show.
    pub credentials: Credentials,
    /// Mirrors and the like.
    pub registries: Registries,
    /// Blob transfers at once with one registry.
    pub parallel: usize,
    /// Token servers of other owners that may see a registry's credentials: pairs of registry host and token host.
    pub named_realms: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Options {
        // LIMIT: six fill a line, stay below the limits of the big registries, and are what podman and skopeo do.
        let (http, registries) = Default::default();
        Options { http, credentials: Credentials::none(), registries, parallel: 6, named_realms: Vec::new() }
    }
}

/// A document that a reference names.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// Its media type, digest and size.
    pub descriptor: Descriptor,
    /// Its digest once more, as ours.
    pub digest: Digest,
    /// Manifest or index.
    pub kind: Kind,
    /// It, byte for byte.
    pub bytes: Vec<u8>,
}

/// The client. Cheap to clone; clones share connections, tokens and the limit of transfers.
#[derive(Clone)]
pub struct Client(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub session: Session,
    /// For mirrors: there is another place to ask.
    pub hurried: Session,
    pub settings: Arc<Registries>,
    pub permits: Permits,
    /// Mirrors that are not asked any more.
    pub given_up: Mutex<BTreeSet<String>>,
}

// LIMIT: registries refuse manifests above 4 MiB; some allow more.
const LARGEST_DOCUMENT: u64 = 8 << 20;

// LIMIT: how long a mirror may let us wait where there is another place to ask.
const HURRY: Duration = Duration::from_secs(5);

// LIMIT: how often bytes with a wrong digest are fetched anew.
pub(super) const ATTEMPTS: usize = 3;

impl Client {
    /// A client of the real network.
    pub fn new(options: Options) -> Client {
        let http = http::Client::new(options.http.clone());
        Client::with(http, options)
    }

    /// A client over another transport.
    pub fn over(transport: Arc<dyn Transport>, options: Options) -> Client {
        let http = http::Client::over(transport, options.http.clone());
        Client::with(http, options)
    }

    fn with(http: http::Client, options: Options) -> Client {
        let settings = Arc::new(options.registries);
        let session = Session::new(http, options.credentials, options.named_realms, settings.clone());
        let hurried = session.with_patience(hurry(&options.http.patience));
        let (permits, given_up) = (Permits::new(options.parallel), Mutex::default());
        Client(Arc::new(Inner { session, hurried, settings, permits, given_up }))
    }

    /// The same client for somebody who can do without an answer.
    pub fn in_a_hurry(&self) -> Client {
        let Inner { session, hurried, settings, permits, given_up } = &*self.0;
        let patience = hurry(&session.http.patience());
        let given_up = given_up.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Client(Arc::new(Inner {
            session: session.with_patience(patience.clone()),
            hurried: hurried.with_patience(patience),
            settings: settings.clone(),
            permits: Permits::new(permits.most()),
            given_up: Mutex::new(given_up),
        }))
    }

    /// The settings that it keeps to.
    pub fn registries(&self) -> &Registries {
        &self.0.settings
    }

    /// The digest that a tag has now, without fetching the document; none where the registry does not say.
    pub fn digest(&self, reference: &Reference) -> Result<Option<Digest>, Error> {
        let (what, name) = (reference.familiar(), manifest_name(reference));
        let response = self
            .anywhere(reference, |session, site| ask_manifest(session, site, Method::HEAD, &name, &what))?;
        Ok(response.header("docker-content-digest").and_then(|d| d.parse().ok()))
    }

    /// The document that `reference` names: by its digest if it has one, else by its tag.
    pub fn resolve(&self, reference: &Reference) -> Result<Resolved, Error> {
        let what = reference.familiar();
        let name = manifest_name(reference);
        self.anywhere(reference, |session, site| {
            document(session, site, &name, reference.digest, None, LARGEST_DOCUMENT, &what)
        })
    }

    /// The document of a descriptor, out of the repository of `reference`: size, digest and media type are held.
    pub fn manifest(&self, reference: &Reference, descriptor: &Descriptor) -> Result<Resolved, Error> {
        let digest = digest_of(descriptor, reference)?;
        let what = format!("{}@{digest}", reference.name());
        if descriptor.size() > LARGEST_DOCUMENT {
            let reason =
                format!("the manifest has {} bytes; at most {LARGEST_DOCUMENT} are read", descriptor.size());
            return Err(Error::Document { what, reason });
        }
        let expected = descriptor.media_type().to_string();
        let (name, limit) = (digest.to_string(), descriptor.size());
        let found = self.anywhere(reference, |session, site| {
            document(session, site, &name, Some(digest), Some(&expected), limit, &what)
        })?;
        if found.bytes.len() as u64 != descriptor.size() {
            let reason = format!("it has {} bytes where {} belong", found.bytes.len(), descriptor.size());
            return Err(Error::Document { what, reason });
        }
        Ok(found)
    }
}

fn hurry(patience: &Patience) -> Patience {
    Patience {
        total: HURRY.min(patience.total),
        attempts: patience.attempts.min(2),
        stubborn_attempts: 1,
        ..patience.clone()
    }
}

fn ask_manifest(
    session: &Session,
    site: &Site,
    method: Method,
    name: &str,
    what: &str,
) -> Result<Response, Error> {
    let headers = vec![("accept", ACCEPTED.join(", "))];
    let ask = Ask { headers, ..Ask::new(method, format!("manifests/{name}"), what) };
    judged(session.send(site, &ask)?, what)
}

fn document(
    session: &Session,
    site: &Site,
    name: &str,
    digest: Option<Digest>,
    expected: Option<&str>,
    limit: u64,
    what: &str,
) -> Result<Resolved, Error> {
    let http = &session.http;
    let mut backoff = http.backoff();
    let mut attempt = 1;
    loop {
        let mut response = ask_manifest(session, site, Method::GET, name, what)?;
        let bytes = match response.bytes(limit) {
            Ok(bytes) => bytes,
            Err(error) => {
                http.pause(&mut backoff, error)?;
                continue;
            }
        };
        // A tag has no digest but the one that the registry tells; it guards the way, not against the registry.
        let told = response.header("docker-content-digest").and_then(|d| d.parse::<Digest>().ok());
        let actual = Digest::of(&bytes);
        if let Some(wanted) = digest.or(told).filter(|wanted| *wanted != actual) {
            if attempt < ATTEMPTS {
                attempt += 1;
                continue;
            }
            return Err(Error::Digest { what: what.to_string(), expected: wanted, actual });
        }
        let (media_type, kind) = media_type(what, response.header("content-type"), expected, &bytes)?;
        let descriptor = new_descriptor(MediaType::from(media_type.as_str()), actual, bytes.len() as u64);
        return Ok(Resolved { descriptor, digest: actual, kind, bytes });
    }
}

pub(super) fn manifest_name(reference: &Reference) -> String {
    match (&reference.digest, &reference.tag) {
        (Some(digest), _) => digest.to_string(),
        (None, Some(tag)) => tag.clone(),
        (None, None) => "latest".to_string(),
    }
}

pub(super) fn digest_of(descriptor: &Descriptor, reference: &Reference) -> Result<Digest, Error> {
    descriptor_digest(descriptor).map_err(|source| Error::Name { what: reference.familiar(), source })
}

/// A success, or the registry's refusal in its own words.
pub(super) fn judged(response: Response, what: &str) -> Result<Response, Error> {
    match response.status {
        200 => Ok(response),
        404 => Err(Error::NotFound { what: what.to_string(), detail: refusal_detail(response) }),
        _ => Err(Error::Refused { what: what.to_string(), source: response.refusal() }),
    }
}
