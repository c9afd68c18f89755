//! What is answered: a status, headers, and a body that is read once, with a limit.

use std::fmt;
use std::io::Read;

use ureq::http::HeaderMap;

use super::error::Error;
use super::failure::{Failure, FailureKind};
use super::request::Method;
use super::retry::wanted_wait;
use super::url::Url;

/// An answer.
pub struct Response {
    /// What was asked.
    pub method: Method,
    /// Who answered: after redirects, the last one.
    pub url: Url,
    /// HTTP status code.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Box<dyn Read + Send>,
}

impl Response {
    /// A header's first value, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok().map(str::trim)
    }

    /// The number of bytes that the server promises.
    pub fn content_length(&self) -> Option<u64> {
        self.header("content-length")?.parse().ok()
    }

    /// The whole body, of at most `limit` bytes.
    pub fn bytes(&mut self, limit: u64) -> Result<Vec<u8>, Error> {
        let too_large = || Error::TooLarge { url: self.url.to_string(), limit };
        if self.method != Method::HEAD && self.content_length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        let read = (&mut self.body).take(limit.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|e| self.broken(Failure::of_read(&e)))?;
        if bytes.len() as u64 > limit {
            return Err(Error::TooLarge { url: self.url.to_string(), limit });
        }
        Ok(bytes)
    }

    /// This answer as an error, with the first words of its body.
    pub fn refusal(mut self) -> Error {
        // LIMIT: enough for any registry's error document.
        let body = self.bytes(64 << 10).unwrap_or_default();
        let detail = plain(&String::from_utf8_lossy(&body));
        self.refusal_saying(detail)
    }

    /// This answer as an error that says `detail`.
    pub fn refusal_saying(self, detail: String) -> Error {
        Error::Status {
            retry_after: wanted_wait(&self.headers),
            method: self.method,
            url: self.url.to_string(),
            status: self.status,
            detail,
        }
    }

    /// The error for a body that broke.
    pub fn broken(&self, failure: Failure) -> Error {
        match failure.kind {
            FailureKind::Canceled => Error::Canceled,
            _ => Error::Exchange { method: self.method.clone(), url: self.url.to_string(), failure },
        }
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({} {}: {})", self.method, self.url, self.status)
    }
}

/// One short line without markup or anything that could drive a terminal.
fn plain(text: &str) -> String {
    let text = text.trim();
    if text.starts_with('<') {
        return String::new();
    }
    let line: String =
        text.chars().map(|c| if c.is_control() || c.is_whitespace() { ' ' } else { c }).collect();
    let mut words = line.split_whitespace().collect::<Vec<_>>().join(" ");
    // LIMIT: a message, not a page.
    if words.chars().count() > 300 {
        words = words.chars().take(300).chain("…".chars()).collect();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(body: &'static [u8], length: Option<&'static str>) -> Response {
        let mut headers = HeaderMap::new();
        if let Some(length) = length {
            headers.insert("content-length", ureq::http::HeaderValue::from_static(length));
        }
        let url = Url::parse("https://h/").expect("valid");
        Response { method: Method::GET, url, status: 500, headers, body: Box::new(body) }
    }

    #[test]
    fn a_document_over_its_limit_is_refused_by_promise_and_by_deed() {
        assert!(matches!(response(b"", Some("9")).bytes(8), Err(Error::TooLarge { .. })));
        assert!(matches!(response(b"123456789", None).bytes(8), Err(Error::TooLarge { .. })));
        assert_eq!(response(b"12345678", None).bytes(8).expect("fits"), b"12345678");
    }

    #[test]
    fn what_a_server_says_cannot_drive_the_terminal() {
        let said = response(b"no\x1b[2J\r\n  way", None).refusal().to_string();
        assert_eq!(said, "GET https://h/: the server answered 500 Internal Server Error: no [2J way");
        assert!(!response(b"<html>x", None).refusal().to_string().contains("html"));
    }
}
