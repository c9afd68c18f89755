//! The network's twin in memory: answers from a function, faults on demand, and a log of everything asked.

use std::io::{self, Read};
use std::sync::Mutex;

use ureq::http::{HeaderMap, HeaderName, HeaderValue};

use super::failure::{Failure, FailureKind};
use super::request::{Content, Method, Request};
use super::response::Response;
use super::secret::Secret;
use super::transport::Transport;
use super::url::Url;

/// What went wrong on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The exchange fails before there is an answer.
    Before(FailureKind),
    /// The connection is reset when this many bytes of the body have arrived.
    Reset(usize),
    /// The body ends, in good order, after this many bytes.
    Truncate(usize),
    /// The byte at this place arrives changed.
    Corrupt(usize),
    /// This many bytes follow that do not belong.
    Append(usize),
}

/// An answer in the making.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status code.
    pub status: u16,
    /// Headers by name.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// What happens to it.
    pub fault: Option<Fault>,
}

impl Answer {
    /// An answer without headers.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Answer {
        Answer { status, headers: Vec::new(), body: body.into(), fault: None }
    }

    /// The same with one more header.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Answer {
        self.headers.push((name.to_string(), value.into()));
        self
    }

    /// The same with a fault.
    pub fn fault(mut self, fault: Fault) -> Answer {
        self.fault = Some(fault);
        self
    }
}

/// What was asked, as a server sees it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// GET, HEAD, …
    pub method: Method,
    /// The whole address.
    pub url: Url,
    /// The headers besides the authorization.
    pub headers: HeaderMap,
    /// The authorization.
    pub authorization: Option<Secret>,
    /// The body.
    pub body: Vec<u8>,
    /// Whether the client would have taken any certificate.
    pub unverified: bool,
}

impl Seen {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

type Handler = Box<dyn Fn(&Seen) -> Answer + Send + Sync>;

/// All servers of a small world, in one function.
pub struct Memory {
    handler: Handler,
    log: Mutex<Vec<Seen>>,
}

impl Memory {
    /// A world in which `handler` answers everything.
    pub fn new(handler: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Memory {
        Memory { handler: Box::new(handler), log: Mutex::default() }
    }

    /// What this world answers, for another one in front of it.
    pub fn answer(&self, seen: &Seen) -> Answer {
        self.log.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(seen.clone());
        (self.handler)(seen)
    }

    /// Everything that was asked so far, in order.
    pub fn log(&self) -> Vec<Seen> {
        self.log.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }
}

impl Transport for Memory {
    fn exchange(&self, request: &Request) -> Result<Response, Failure> {
        let seen = Seen {
            method: request.method.clone(),
            url: request.url.clone(),
            headers: request.headers.clone(),
            authorization: request.authorization.clone(),
            unverified: request.unverified,
            body: match &request.content {
                Content::Empty => Vec::new(),
                Content::Bytes(bytes) => bytes.clone(),
                Content::Private(secret) => secret.reveal().as_bytes().to_vec(),
                Content::Part(part) => {
                    let mut bytes = Vec::new();
                    part.reader().read_to_end(&mut bytes).map_err(|e| Failure::of_read(&e))?;
                    bytes
                }
            },
        };
        let answer = self.answer(&seen);
        let mut headers = HeaderMap::new();
        for (name, value) in &answer.headers {
            let bad = |_| Failure::new(FailureKind::Protocol, format!("bad header {name}"));
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|e| bad(e.to_string()))?;
            let value = HeaderValue::from_str(value).map_err(|e| bad(e.to_string()))?;
            headers.append(name, value);
        }
        let mut body = if request.method == Method::HEAD { Vec::new() } else { answer.body };
        let mut broken = None;
        match answer.fault {
            Some(Fault::Before(kind)) => return Err(Failure::new(kind, format!("{kind:?}"))),
            Some(Fault::Reset(at)) if at < body.len() => {
                body.truncate(at);
                broken = Some(Failure::new(FailureKind::Broken, "the connection broke: reset"));
            }
            Some(Fault::Truncate(at)) => body.truncate(at),
            Some(Fault::Corrupt(at)) => {
                if let Some(byte) = body.get_mut(at) {
                    *byte ^= 1;
                }
            }
            Some(Fault::Append(count)) => body.resize(body.len() + count, b'x'),
            Some(Fault::Reset(_)) | None => {}
        }
        Ok(Response {
            method: request.method.clone(),
            url: request.url.clone(),
            status: answer.status,
            headers,
            body: Box::new(Body { rest: io::Cursor::new(body), broken }),
        })
    }
}

struct Body {
    rest: io::Cursor<Vec<u8>>,
    broken: Option<Failure>,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match (self.rest.read(buffer)?, &self.broken) {
            (0, Some(failure)) if !buffer.is_empty() => Err(failure.clone().into_read_error()),
            (read, _) => Ok(read),
        }
    }
}
