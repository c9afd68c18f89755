//! What is asked: a method, an address, headers, and a secret that belongs to that address alone.

pub use ureq::http::Method;
use ureq::http::{HeaderMap, HeaderName, HeaderValue};

use super::error::Error;
use super::part::Part;
use super::secret::Secret;
use super::url::{Url, encode};

/// The body of a request.
#[derive(Clone, Debug)]
pub enum Content {
    /// None.
    Empty,
    /// All of it.
    Bytes(Vec<u8>),
    /// Some of a source, read while it is sent.
    Part(Part),
    /// All of it, with a secret in it: for this URL's origin only, and so never sent on by a redirect.
    Private(Secret),
}

/// A request. The authorization stands beside the headers, so that following a redirect can leave it behind.
#[derive(Clone, Debug)]
pub struct Request {
    /// GET, HEAD, …
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// All headers but `Authorization`, `Host` and those of the framing.
    pub headers: HeaderMap,
    /// The value of `Authorization`, for this URL's origin only.
    pub authorization: Option<Secret>,
    /// The body.
    pub content: Content,
    /// The user said that this origin need not show a trusted certificate. Never carried to another origin.
    pub unverified: bool,
}

impl Request {
    /// A request without headers or body; user info in the URL becomes its basic authorization.
    pub fn new(method: Method, url: Url) -> Request {
        let authorization = url.user_info().map(|info| {
            let (user, password) = info.reveal().split_once(':').unwrap_or((info.reveal(), ""));
            Secret::basic(&decode(user), &decode(password))
        });
        let headers = HeaderMap::new();
        Request { method, url, headers, authorization, content: Content::Empty, unverified: false }
    }

    /// A GET.
    pub fn get(url: Url) -> Request {
        Request::new(Method::GET, url)
    }

    /// A POST of form fields, which may be secrets.
    pub fn form(url: Url, fields: &[(&str, &str)]) -> Request {
        let body: Vec<String> = fields.iter().map(|(n, v)| format!("{}={}", encode(n), encode(v))).collect();
        let mut request = Request::new(Method::POST, url);
        request.headers.insert(
            ureq::http::header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        request.content = Content::Private(Secret::new(body.join("&")));
        request
    }

    /// The same request with one more header.
    pub fn header(mut self, name: &'static str, value: &str) -> Result<Request, Error> {
        let value = HeaderValue::from_str(value).map_err(|_| Error::Header { name })?;
        self.headers.append(HeaderName::from_static(name), value);
        Ok(self)
    }

    /// The same request with that authorization.
    pub fn authorized(mut self, authorization: Option<Secret>) -> Request {
        self.authorization = authorization;
        self
    }
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|h| std::str::from_utf8(h).ok());
        match hex.and_then(|h| u8::from_str_radix(h, 16).ok()).filter(|_| bytes[at] == b'%') {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_info_becomes_basic_authorization_and_is_never_shown() {
        let request = Request::get(Url::parse("https://me:p%40ss@h/").expect("valid"));
        assert_eq!(request.authorization, Some(Secret::basic("me", "p@ss")));
        assert!(!format!("{request:?}").contains("p%40ss") && !format!("{request:?}").contains("Basic"));
    }

    #[test]
    fn a_header_cannot_carry_a_line_break() {
        let request = Request::get(Url::parse("https://h/").expect("valid"));
        assert!(request.header("accept", "a\r\nEvil: b").is_err());
    }
}
