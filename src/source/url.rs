//! One file over HTTP, asked for on the condition that it has changed.

use std::io::Write;

use jiff::fmt::rfc2822;

use super::error::Error;
use crate::http::{Client, Continue, Plan, Request, Response, Resume, Secret, Url};
use crate::oci::{Digest, Digesting, Hashing};

/// LIMIT: our own: a body without an end must not fill the disk. Larger than any archive seen.
const LARGEST: u64 = 64 << 30;

/// What a server said about a body, so that it can be asked whether the body has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// `ETag`
    pub etag: Option<String>,
    /// `Last-Modified`
    pub last_modified: Option<String>,
}

/// What a server answered.
#[derive(Debug)]
pub enum Fetched {
    /// It is what it was.
    Unchanged,
    /// A body, which was written out.
    Body(Body),
}

/// A body that was written out.
#[derive(Debug)]
pub struct Body {
    /// Its length.
    pub size: u64,
    /// Of its bytes.
    pub digest: Digest,
    /// For the next time.
    pub validators: Validators,
}

impl Validators {
    /// When the server says that the body last changed, in seconds since 1970.
    pub fn modified(&self) -> Option<i64> {
        Some(rfc2822::parse(self.last_modified.as_deref()?).ok()?.timestamp().as_second())
    }

    fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }

    /// SPEC: RFC 9110 section 13.1: a date is asked about only where there is no tag.
    fn condition(&self, request: Request) -> Result<Request, crate::http::Error> {
        match (&self.etag, &self.last_modified) {
            (Some(etag), _) => request.header("if-none-match", etag),
            (None, Some(date)) => request.header("if-modified-since", date),
            (None, None) => Ok(request),
        }
    }

    fn of(response: &Response) -> Validators {
        let text = |name| response.header(name).map(str::to_string);
        Validators { etag: text("etag"), last_modified: text("last-modified") }
    }
}

/// Asks for `url`; `known` is what is said of the body that the caller has. The body goes to `out`.
pub fn fetch_url(
    client: &Client,
    url: &str,
    authorization: Option<Secret>,
    known: &Validators,
    out: &mut dyn Write,
    progress: &dyn Fn(u64),
    canceled: &dyn Fn() -> bool,
) -> Result<Fetched, Error> {
    let url = Url::parse(url)?;
    let mut request = Request::get(url.clone());
    if authorization.is_some() {
        request = request.authorized(authorization);
    }
    let first = client.send(&known.condition(request.clone())?)?;
    if first.status == 304 && !known.is_empty() {
        return Ok(Fetched::Unchanged);
    }
    let mut first = Some(first);
    let mut validators = Validators::default();
    let mut open = |at: &Continue| -> Result<Response, Error> {
        let response = match first.take().filter(|_| at.from == 0) {
            Some(first) => first,
            None => client.send(&at.of(request.clone())?)?,
        };
        match response.status {
            200 => validators = Validators::of(&response),
            206 if at.from > 0 => {}
            _ => return Err(response.refusal().into()),
        }
        Ok(response)
    };
    let plan = Plan { size: None, limit: LARGEST, resume: Resume::IfUnchanged, canceled };
    let mut out = Hashing::new(out);
    let size = client.download(&url, &plan, &mut open, &mut out, progress)?;
    Ok(Fetched::Body(Body { size, digest: out.digest(), validators }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Answer, Clock, Memory, Options, Seen};
    use std::sync::Arc;

    fn fetched(
        known: &Validators,
        answer: fn(&Seen) -> Answer,
    ) -> (Result<Fetched, Error>, Vec<u8>, Vec<Seen>) {
        let memory = Arc::new(Memory::new(answer));
        let client = Client::over(memory.clone(), Options { clock: Clock::stepped(), ..Options::default() });
        let mut out = Vec::new();
        let secret = Some(Secret::bearer("t"));
        let fetched = fetch_url(&client, "https://h/f", secret, known, &mut out, &|_| {}, &|| false);
        (fetched, out, memory.log())
    }

    #[test]
    fn a_body_comes_with_its_digest_and_what_to_ask_next_time() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let (fetched, out, _) = fetched(&Validators::default(), |_| {
            Answer::new(200, "body")
                .header("etag", "W/\"x\"")
                .header("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")
        });
        let Ok(Fetched::Body(body)) = fetched else { panic!("{fetched:?}") };
        assert_eq!((out.as_slice(), body.size, body.digest), (&b"body"[..], 4, Digest::of(b"body")));
        assert_eq!(body.validators.etag.as_deref(), Some("W/\"x\""));
        assert_eq!(body.validators.last_modified.as_deref(), Some(date));
        assert_eq!(body.validators.modified(), Some(784_111_777));
    }

    #[test]
    fn an_unchanged_body_is_not_sent_again() {
        let known = Validators { etag: Some("\"x\"".into()), last_modified: Some("d".into()) };
        let (fetched, _, log) = fetched(&known, |seen| {
            assert_eq!(seen.header("if-none-match"), Some("\"x\""));
            Answer::new(304, "")
        });
        assert!(matches!(fetched, Ok(Fetched::Unchanged)));
        assert_eq!((log.len(), log[0].header("if-modified-since")), (1, None));
    }

    #[test]
    fn what_is_no_success_is_an_error_with_its_status() {
        for status in [204, 206, 304, 403, 404] {
            let answer: fn(&Seen) -> Answer = match status {
                204 => |_| Answer::new(204, ""),
                206 => |_| Answer::new(206, "x"),
                304 => |_| Answer::new(304, ""),
                403 => |_| Answer::new(403, ""),
                _ => |_| Answer::new(404, ""),
            };
            let (fetched, out, _) = fetched(&Validators::default(), answer);
            let error = fetched.expect_err("a refusal").to_string();
            assert!(error.contains(&status.to_string()) && out.is_empty(), "{error}");
        }
    }
}
