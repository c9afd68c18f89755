//! One upload: a session that the registry opens, bytes put into it, and going on where it broke off.
//!
//! SPEC: OCI distribution-spec, "Pushing a blob monolithically", "in chunks", "Mounting a blob".

use std::sync::Arc;

use super::client::ATTEMPTS;
use super::document::refusal_detail;
use super::error::Error;
use super::registries::Site;
use super::session::{Ask, Place, Right, Session};
use crate::http::{self, Content, Method, Part, Response, Source, Url, follow};
use crate::oci::Digest;

/// LIMIT: what fits under the limits that proxies in front of registries put on bodies by default or by habit.
const CHUNK: u64 = 8 << 20;
/// LIMIT: the least that a proxy in its default settings lets through is 1 MiB.
const SMALLEST: u64 = 1 << 20;

/// The state of sending one blob.
pub(super) struct Upload<'a> {
    session: &'a Session,
    to: &'a Site,
    digest: Digest,
    size: u64,
    what: &'a str,
    open: Option<Open>,
    way: Way,
}

/// A session that the registry opened.
struct Open {
    /// Where the next bytes go.
    next: Url,
    /// How many it has.
    at: u64,
    /// The least that a part may have.
    smallest: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// All that is missing in one request.
    Whole,
    /// So many bytes a request.
    Chunks(u64),
}

/// How one request ended.
enum Step {
    /// The blob is there.
    Done,
    /// The next part may go.
    Next,
    /// The registry forgot the session, or does not like what it has.
    Lost(http::Error),
    /// The body is too large, or the method is not to its taste.
    Smaller(http::Error),
    /// It may pass; the session may have some of the bytes.
    Passing(http::Error),
    /// The registry filed it under another digest.
    Changed(Digest),
}

impl<'a> Upload<'a> {
    pub fn new(session: &'a Session, to: &'a Site, digest: Digest, size: u64, what: &'a str) -> Upload<'a> {
        Upload { session, to, digest, size, what, open: None, way: Way::Whole }
    }

    /// Asks the registry to take the blob over from another of its repositories. If it opens a session instead, that one
    /// is used.
    pub fn mount(&mut self, from: &str) -> Result<bool, Error> {
        let url = self.session.url(self.to, "blobs/uploads/")?;
        let url = url.with_query("mount", &self.digest.to_string()).with_query("from", from);
        let mut ask = self.ask(Method::POST, url.clone(), Content::Bytes(Vec::new()));
        ask.right = Right::Mount(from);
        ask.patient = true;
        match self.session.send(self.to, &ask) {
            Ok(response) if response.status == 201 => Ok(true),
            Ok(response) if response.status == 202 => {
                self.open = Some(self.opened(&url, &response)?);
                Ok(false)
            }
            // Whatever else it says of the other repository: the blob can be sent.
            Ok(_) | Err(Error::Denied { .. } | Error::Refused { .. } | Error::Token { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Sends the bytes of `source`.
    pub fn send(&mut self, source: Arc<dyn Source>, canceled: &dyn Fn() -> bool) -> Result<(), Error> {
        let http = &self.session.http;
        let mut backoff = http.backoff();
        let (mut lost, mut broken) = (0, 0);
        loop {
            if canceled() {
                return Err(http::Error::Canceled.into());
            }
            let mut open = match self.open.take() {
                Some(open) => open,
                None => self.start()?,
            };
            let before = open.at;
            match self.step(&mut open, &source)? {
                Step::Done => return Ok(()),
                Step::Next => {
                    backoff.progress();
                    broken = 0;
                    self.open = Some(open);
                }
                Step::Lost(error) => {
                    lost += 1;
                    if lost >= ATTEMPTS {
                        return Err(Error::Refused { what: self.what.to_string(), source: error });
                    }
                }
                Step::Changed(actual) => {
                    lost += 1;
                    if lost >= ATTEMPTS {
                        return Err(Error::Digest {
                            what: self.what.to_string(),
                            expected: self.digest,
                            actual,
                        });
                    }
                }
                Step::Smaller(error) => {
                    self.way = match self.way {
                        Way::Whole => Way::Chunks(CHUNK.max(open.smallest)),
                        Way::Chunks(size) if size / 2 >= SMALLEST.max(open.smallest) => Way::Chunks(size / 2),
                        Way::Chunks(_) => {
                            return Err(Error::Refused { what: self.what.to_string(), source: error });
                        }
                    };
                }
                Step::Passing(error) => {
                    broken += 1;
                    // A proxy that refuses a large body may close the connection before its answer can be read.
                    if broken >= 2 && self.way == Way::Whole && self.size > CHUNK {
                        self.way = Way::Chunks(CHUNK.max(open.smallest));
                    }
                    http.pause_unless(&mut backoff, error, canceled)?;
                    self.open = self.status(open)?;
                    match &self.open {
                        Some(open) if open.at > before => backoff.progress(),
                        Some(_) => {}
                        // The answer to the last part may be what got lost.
                        None if self.is_there()? => return Ok(()),
                        None => {}
                    }
                }
            }
        }
    }

    /// One request: the next part, or the end.
    fn step(&self, open: &mut Open, source: &Arc<dyn Source>) -> Result<Step, Error> {
        let part = |from, to| Content::Part(Part { source: source.clone(), from, to });
        let is_last = open.at == self.size;
        let in_one = open.at == 0 && self.way == Way::Whole;
        let mut ask = if in_one || is_last {
            let url = open.next.clone().with_query("digest", &self.digest.to_string());
            let body = if is_last { Content::Bytes(Vec::new()) } else { part(0, self.size) };
            self.ask(Method::PUT, url, body)
        } else {
            let to = match self.way {
                Way::Whole => self.size,
                Way::Chunks(size) => self.size.min(open.at + size),
            };
            let mut ask = self.ask(Method::PATCH, open.next.clone(), part(open.at, to));
            ask.headers.push(("content-range", format!("{}-{}", open.at, to - 1)));
            ask
        };
        ask.headers.push(("content-type", "application/octet-stream".to_string()));
        let response = match self.session.send(self.to, &ask) {
            Ok(response) => response,
            Err(Error::Http(error)) if error.is_transient() => return Ok(Step::Passing(error)),
            Err(error) => return Err(error),
        };
        let is_put = ask.method == Method::PUT;
        Ok(match response.status {
            200 | 201 | 204 if is_put => {
                // The registry hashes what it got: another digest is a blob that was changed on the way.
                let told = response.header("docker-content-digest").and_then(|d| d.parse::<Digest>().ok());
                told.filter(|told| *told != self.digest).map_or(Step::Done, Step::Changed)
            }
            202 | 204 | 201 if !is_put => {
                let Content::Part(part) = &ask.content else { unreachable!("a PATCH has a part") };
                let next = self.opened(&open.next, &response)?;
                // COMPAT: a registry that does not tell how far it is took all of it.
                open.at = range_end(&response).unwrap_or(part.to);
                open.next = next.next;
                // An answer that takes nothing, over and over, would be an endless upload.
                if open.at > self.size || open.at <= part.from {
                    return Ok(Step::Lost(response.refusal()));
                }
                Step::Next
            }
            404 | 400 | 416 => Step::Lost(response.refusal()),
            405 | 411 | 413 | 501 => Step::Smaller(response.refusal()),
            _ => {
                let error = response.refusal();
                match error.is_transient() {
                    true => Step::Passing(error),
                    false => return Err(Error::Refused { what: self.what.to_string(), source: error }),
                }
            }
        })
    }

    /// How much of it the registry has; none if it does not know the session any more.
    fn status(&self, open: Open) -> Result<Option<Open>, Error> {
        let mut ask = self.ask(Method::GET, open.next.clone(), Content::Empty);
        ask.patient = true;
        let response = self.session.send(self.to, &ask)?;
        if !matches!(response.status, 200 | 202 | 204) {
            return Ok(None);
        }
        let at = range_end(&response).unwrap_or(0);
        // COMPAT: `0-0` is what registries say of nothing and of one byte: a fresh session is sure.
        if at == 0 || at > self.size {
            return Ok(None);
        }
        let next = match response.header("location") {
            Some(_) => self.opened(&open.next, &response)?.next,
            None => open.next,
        };
        Ok(Some(Open { next, at, smallest: open.smallest }))
    }

    fn is_there(&self) -> Result<bool, Error> {
        let ask =
            Ask { right: Right::Push, ..Ask::new(Method::HEAD, format!("blobs/{}", self.digest), self.what) };
        Ok(self.session.send(self.to, &ask)?.status == 200)
    }

    /// Opens a session.
    fn start(&self) -> Result<Open, Error> {
        let url = self.session.url(self.to, "blobs/uploads/")?;
        let mut ask = self.ask(Method::POST, url.clone(), Content::Bytes(Vec::new()));
        ask.patient = true;
        let response = self.session.send(self.to, &ask)?;
        match response.status {
            202 => self.opened(&url, &response),
            404 => Err(Error::NotFound { what: self.to.reference.name(), detail: refusal_detail(response) }),
            _ => Err(Error::Refused { what: self.what.to_string(), source: response.refusal() }),
        }
    }

    /// The session that an answer tells of.
    fn opened(&self, asked: &Url, response: &Response) -> Result<Open, Error> {
        // Who answered: after a redirect, not whom we asked.
        let by = &response.url;
        let Some(location) = response.header("location").filter(|l| !l.is_empty()) else {
            let reason = "the registry opens an upload without saying where".to_string();
            return Err(Error::Document { what: self.what.to_string(), reason });
        };
        // COMPAT: a registry behind a proxy that ends TLS takes itself for plain; the proxy is the way that we came.
        let plain = by.join(location).ok().filter(|url| by.is_tls() && !url.is_tls());
        let next = match plain.filter(|url| url.host() == by.host()) {
            Some(url) => {
                let wire = url.wire();
                let path = wire.splitn(4, '/').nth(3).unwrap_or_default();
                by.join(&format!("/{path}"))?
            }
            None => follow(asked, by, location)?,
        };
        let smallest = response.header("oci-chunk-min-length").and_then(|n| n.parse().ok()).unwrap_or(0);
        Ok(Open { next, at: 0, smallest })
    }

    fn ask(&self, method: Method, url: Url, content: Content) -> Ask<'a> {
        Ask {
            place: Place::Address(url),
            content,
            right: Right::Push,
            patient: false,
            ..Ask::new(method, String::new(), self.what)
        }
    }
}

/// The number of bytes that `Range: 0-N` tells of.
fn range_end(response: &Response) -> Option<u64> {
    let range = response.header("range")?;
    let (from, to) = range.trim_start_matches("bytes=").split_once('-')?;
    let to: u64 = to.trim().parse().ok()?;
    if from.trim() != "0" {
        return None;
    }
    Some(if to == 0 { 0 } else { to + 1 })
}
