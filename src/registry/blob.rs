//! Blobs out of a registry: streamed, verified, gone on with where they broke off, from mirrors and from the place itself.

use std::cell::RefCell;
use std::io;

use super::anywhere::{after, is_ours};
use super::client::{ATTEMPTS, Client, Inner, digest_of, judged};
use super::error::Error;
use super::registries::Site;
use super::session::{Ask, Session};
use crate::http::{self, Continue, Method, Plan, Response, Resume};
use crate::oci::{Descriptor, Digesting, Reference};

/// LIMIT: how often one blob is continued at one mirror before the next place is asked for the rest.
const BREAKS: usize = 2;

impl Client {
    /// Streams a blob to `out`, which is empty: in order, each byte once, no more than the descriptor's size; resumed and
    /// retried. When it returns, size and digest were right; when it fails, what was written is to be thrown away. `progress`
    /// is told the number of bytes so far. `canceled` is asked between reads and waits; the client's own token (in its
    /// options) also ends a read that waits for a silent server.
    pub fn blob(
        &self,
        reference: &Reference,
        descriptor: &Descriptor,
        out: &mut dyn Digesting,
        progress: &dyn Fn(u64),
        canceled: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        let digest = digest_of(descriptor, reference)?;
        refuse_foreign(descriptor)?;
        let Inner { session, permits, .. } = &*self.0;
        let stopped = || canceled() || session.http.canceled().is_set();
        let _permit = permits.take(&reference.registry, &stopped).ok_or(http::Error::Canceled)?;
        let what = format!("{}@{digest}", reference.name());
        let path = format!("blobs/{digest}");
        let (mirrors, own) = self.0.mirrors(reference)?;
        let url = session.url(mirrors.first().unwrap_or(&own), &path)?;
        let plan = Plan {
            size: Some(descriptor.size()),
            limit: descriptor.size(),
            resume: Resume::Checked,
            canceled,
        };
        let client = &*self.0;
        let sources =
            Sources { client, path, what: what.clone(), mirrors, own, at: 0, asked: 0, said: Vec::new() };
        let sources = RefCell::new(sources);
        let mut open = |at: &Continue| sources.borrow_mut().open(at);
        let done = session.http.download(&url, &plan, &mut open, out, progress);
        let result = done.and_then(|_| match out.digest() {
            actual if actual == digest => Ok(()),
            actual => Err(Error::Digest { what, expected: digest, actual }),
        });
        let sources = sources.into_inner();
        match (result, sources.mirror()) {
            // What a mirror sent is wrong: all of it, since nobody knows from where on.
            (Err(error), Some(mirror)) if !is_ours(&error) => {
                self.0.passed_over(mirror, &error);
                Err(Error::Mirror { mirror: mirror.reference.registry.clone(), source: Box::new(error) })
            }
            (result, _) => result,
        }
    }

    /// As [`Client::blob`], into what `open` makes; bytes with a wrong digest are dropped and fetched anew into a
    /// fresh one, from another place if a mirror sent them. The caller finishes what comes back.
    pub fn blob_into<W: Digesting>(
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
                // Each time there is one mirror less.
                Err(Error::Mirror { .. }) => {}
                Err(error) if error.is_corrupt() && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

/// The places that a blob may come from, and how far we are with them.
struct Sources<'a> {
    client: &'a Inner,
    path: String,
    what: String,
    mirrors: Vec<Site>,
    own: Site,
    /// Which mirror is asked; beyond the last one, the place itself.
    at: usize,
    /// How often it was asked.
    asked: usize,
    said: Vec<String>,
}

impl Sources<'_> {
    /// The mirror that is asked now, if it is one.
    fn mirror(&self) -> Option<&Site> {
        self.mirrors.get(self.at)
    }

    /// Requests the blob from a place on.
    fn open(&mut self, from: &Continue) -> Result<Response, Error> {
        while let Some(mirror) = self.mirrors.get(self.at) {
            let opened = match self.asked > BREAKS {
                true => Err(self.broken(mirror)),
                false => request(&self.client.hurried, mirror, from, &self.path, &self.what),
            };
            match opened {
                Ok(response) => {
                    self.asked += 1;
                    return Ok(response);
                }
                Err(error) if is_ours(&error) => return Err(error),
                Err(error) => {
                    self.said.push(self.client.passed_over(mirror, &error));
                    self.at += 1;
                    self.asked = 0;
                }
            }
        }
        request(&self.client.session, &self.own, from, &self.path, &self.what)
            .map_err(|error| after(error, std::mem::take(&mut self.said)))
    }

    fn broken(&self, mirror: &Site) -> Error {
        let reason = format!("{} broke off {} times", mirror.reference.registry, self.asked);
        Error::Document { what: self.what.clone(), reason }
    }
}

fn request(session: &Session, site: &Site, at: &Continue, path: &str, what: &str) -> Result<Response, Error> {
    let headers = at.range().map(|range| ("range", range)).into_iter().collect();
    let ask = Ask { headers, ..Ask::new(Method::GET, path.to_string(), what) };
    let response = session.send(site, &ask)?;
    match response.status {
        200 | 206 => Ok(response),
        // The place is beyond what this server has: from the start, then.
        416 if at.from > 0 => {
            let whole = Ask { headers: Vec::new(), ..ask };
            judged(session.send(site, &whole)?, what)
        }
        _ => judged(response, what),
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
