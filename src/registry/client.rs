//! The client: references to documents, descriptors to bytes.

use std::io::{self, Write};
use std::sync::Arc;

use super::credentials::Credentials;
use super::document::{ACCEPTED, Kind, media_type, refusal_detail};
use super::error::Error;
use super::permits::Permits;
use super::session::{Ask, Session};
use crate::http::{self, Method, Plan, Response, Resume, Transport};
use crate::oci::{Descriptor, Digest, Hasher, MediaType, Reference, descriptor_digest, new_descriptor};

/// What a client is told at its making.
#[derive(Clone)]
pub struct Options {
    /// The network, patience and cancellation.
    pub http: http::Options,
    /// What there is to show.
    pub credentials: Credentials,
    /// Blob transfers at once with one registry.
    pub parallel: usize,
    /// Token servers of other owners that may see a registry's credentials: pairs of registry host and token host.
    pub named_realms: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Options {
        // LIMIT: four fill a line and stay below the limits of the big registries.
        let credentials = Credentials::none();
        Options { http: http::Options::default(), credentials, parallel: 4, named_realms: Vec::new() }
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
    pub permits: Permits,
}

// LIMIT: registries refuse manifests above 4 MiB; some allow more.
const LARGEST_DOCUMENT: u64 = 8 << 20;

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
        let session = Session::new(http, options.credentials, options.named_realms);
        Client(Arc::new(Inner { session, permits: Permits::new(options.parallel) }))
    }

    /// The digest that a tag has now, without fetching the document; none where the registry does not say.
    pub fn digest(&self, reference: &Reference) -> Result<Option<Digest>, Error> {
        let what = reference.familiar();
        let response = self.ask_manifest(reference, Method::HEAD, &manifest_name(reference), &what)?;
        Ok(response.header("docker-content-digest").and_then(|d| d.parse().ok()))
    }

    /// The document that `reference` names: by its digest if it has one, else by its tag.
    pub fn resolve(&self, reference: &Reference) -> Result<Resolved, Error> {
        let what = reference.familiar();
        let name = manifest_name(reference);
        self.document(reference, &name, reference.digest, None, LARGEST_DOCUMENT, &what)
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
        let found = self.document(reference, &name, Some(digest), Some(&expected), limit, &what)?;
        if found.bytes.len() as u64 != descriptor.size() {
            let reason = format!("it has {} bytes where {} belong", found.bytes.len(), descriptor.size());
            return Err(Error::Document { what, reason });
        }
        Ok(found)
    }

    /// Streams a blob to `out`: in order, each byte once, no more than the descriptor's size; resumed and retried.
    /// When it returns, size and digest were right; when it fails, what was written is to be thrown away. `progress`
    /// is told the number of bytes so far. `canceled` is asked between reads and waits; the client's own token (in its
    /// options) also ends a read that waits for a silent server.
    pub fn blob(
        &self,
        reference: &Reference,
        descriptor: &Descriptor,
        out: &mut dyn Write,
        progress: &dyn Fn(u64),
        canceled: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        let digest = digest_of(descriptor, reference)?;
        refuse_foreign(descriptor)?;
        let Inner { session, permits } = &*self.0;
        let stopped = || canceled() || session.http.canceled().is_set();
        let _permit = permits.take(&reference.registry, &stopped).ok_or(http::Error::Canceled)?;
        let what = format!("{}@{digest}", reference.name());
        let path = format!("blobs/{digest}");
        let url = session.url(reference, &path)?;
        let plan = Plan {
            size: Some(descriptor.size()),
            limit: descriptor.size(),
            resume: Resume::Checked,
            canceled,
        };
        let mut sink = Hashing { out, hasher: Hasher::new() };
        session.http.download(
            &url,
            &plan,
            &mut |at| {
                let headers = at.range().map(|range| ("range", range)).into_iter().collect();
                let ask = Ask { headers, ..Ask::new(Method::GET, path.clone(), &what) };
                let response = session.send(reference, &ask)?;
                match response.status {
                    200 | 206 => Ok(response),
                    // The place is beyond what this server has: from the start, then.
                    416 if at.from > 0 => {
                        let whole = Ask { headers: Vec::new(), ..ask };
                        judged(session.send(reference, &whole)?, &what)
                    }
                    _ => judged(response, &what),
                }
            },
            &mut sink,
            progress,
        )?;
        match sink.hasher.finish() {
            actual if actual == digest => Ok(()),
            actual => Err(Error::Digest { what, expected: digest, actual }),
        }
    }

    /// As [`Client::blob`], into what `open` makes; bytes with a wrong digest are dropped and fetched anew into a
    /// fresh one. The caller finishes what comes back.
    pub fn blob_into<W: Write>(
        &self,
        reference: &Reference,
        descriptor: &Descriptor,
        open: &mut dyn FnMut() -> io::Result<W>,
        progress: &dyn Fn(u64),
        canceled: &dyn Fn() -> bool,
    ) -> Result<W, Error> {
        let mut attempt = 1;
        loop {
            let what = || descriptor.digest().to_string();
            let mut out = open().map_err(|source| Error::Write { what: what(), source })?;
            match self.blob(reference, descriptor, &mut out, progress, canceled) {
                Ok(()) => return Ok(out),
                Err(error) if error.is_corrupt() && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn ask_manifest(
        &self,
        reference: &Reference,
        method: Method,
        name: &str,
        what: &str,
    ) -> Result<Response, Error> {
        let headers = vec![("accept", ACCEPTED.join(", "))];
        let ask = Ask { headers, ..Ask::new(method, format!("manifests/{name}"), what) };
        judged(self.0.session.send(reference, &ask)?, what)
    }

    fn document(
        &self,
        reference: &Reference,
        name: &str,
        digest: Option<Digest>,
        expected: Option<&str>,
        limit: u64,
        what: &str,
    ) -> Result<Resolved, Error> {
        let http = &self.0.session.http;
        let mut backoff = http.backoff();
        let mut attempt = 1;
        loop {
            let mut response = self.ask_manifest(reference, Method::GET, name, what)?;
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
}

pub(super) fn manifest_name(reference: &Reference) -> String {
    match (&reference.digest, &reference.tag) {
        (Some(digest), _) => digest.to_string(),
        (None, Some(tag)) => tag.clone(),
        (None, None) => "latest".to_string(),
    }
}

fn digest_of(descriptor: &Descriptor, reference: &Reference) -> Result<Digest, Error> {
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

/// CVE-2020-15157: bytes come from the registry that was named, never from where a manifest points.
fn refuse_foreign(descriptor: &Descriptor) -> Result<(), Error> {
    let media_type = descriptor.media_type().to_string();
    let place = descriptor.urls().as_ref().and_then(|urls| urls.first());
    if place.is_none() && !media_type.contains("nondistributable") && !media_type.contains("foreign") {
        return Ok(());
    }
    let place: String = match place {
        Some(url) => http::Url::parse(url).map_or("another place".to_string(), |url| url.to_string()),
        None => "another place".to_string(),
    };
    Err(Error::Foreign { digest: descriptor.digest().to_string(), place })
}

struct Hashing<'a> {
    out: &'a mut dyn Write,
    hasher: Hasher,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
