//! Long bodies: streamed, measured, and continued where they broke off.

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use super::client::Client;
use super::error::Error;
use super::failure::{Failure, FailureKind};
use super::request::Request;
use super::response::Response;
use super::url::Url;

/// What makes a continuation the same body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// The caller checks a digest over the whole, so any continuation may be tried.
    Checked,
    /// Nobody checks: only where the server vouches for it with a strong `ETag`.
    IfUnchanged,
}

/// What is known of a body before it comes.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    /// Its length, where known.
    pub size: Option<u64>,
    /// Its greatest length.
    pub limit: u64,
    /// Whether it may be continued.
    pub resume: Resume,
    /// Whether to stop, besides the client's own token: asked between reads and while waiting.
    pub canceled: &'a dyn Fn() -> bool,
}

/// Where a body goes on: what [`Client::download`] asks its caller to request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continue {
    /// Bytes that are here; 0 asks for the whole.
    pub from: u64,
    /// The `If-Range` to send along.
    pub validator: Option<String>,
}

impl Continue {
    /// `request`, asking for what is missing only.
    pub fn of(&self, mut request: Request) -> Result<Request, Error> {
        if let Some(range) = self.range() {
            request = request.header("range", &range)?;
            if let Some(validator) = &self.validator {
                request = request.header("if-range", validator)?;
            }
        }
        Ok(request)
    }

    /// The value of the `Range` header, if one is to be sent. SPEC: RFC 9110 section 14.2.
    pub fn range(&self) -> Option<String> {
        (self.from > 0).then(|| format!("bytes={}-", self.from))
    }
}

// LIMIT: large enough that the system calls do not count, small enough for many at once.
const BUFFER: usize = 128 << 10;

// LIMIT: slower than 1 KB a second over a whole stall time is a stall too.
const SLOWEST: u64 = 1000;

enum Copied {
    End,
    Broken(Failure),
}

impl Client {
    /// Copies a body to `out`, at most once each byte, in order. `open` requests it from a place on, and is asked
    /// again after each break; a server that ignores the place has the known part read and dropped. `progress` is
    /// told how many bytes have arrived. Returns the length.
    pub fn download<E: From<Error>>(
        &self,
        url: &Url,
        plan: &Plan<'_>,
        open: &mut dyn FnMut(&Continue) -> Result<Response, E>,
        out: &mut dyn Write,
        progress: &dyn Fn(u64),
    ) -> Result<u64, E> {
        let mut at = Continue { from: 0, validator: None };
        let mut backoff = self.backoff();
        loop {
            let before = at.from;
            let mut response = open(&at)?;
            let skip = begin(url, plan, &mut at, &response)?;
            let failure = match self.copy(url, plan, skip, &mut at.from, &mut response, out, progress)? {
                Copied::Broken(failure) => failure,
                Copied::End => match plan.size.or(whole(&response, before, skip)) {
                    Some(size) if at.from < size => Failure::new(
                        FailureKind::Broken,
                        format!("the body ended at {} of {size} bytes", at.from),
                    ),
                    _ => return Ok(at.from),
                },
            };
            if plan.resume == Resume::IfUnchanged && at.from > 0 && at.validator.is_none() {
                let reason = "the server does not say how to tell whether it has changed";
                return Err(Error::Broken { url: url.to_string(), done: at.from, reason }.into());
            }
            if at.from > before {
                backoff.progress();
            }
            self.pause_unless(&mut backoff, response.broken(failure), plan.canceled)?;
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the state of one copy, used in one place")]
    fn copy(
        &self,
        url: &Url,
        plan: &Plan<'_>,
        mut skip: u64,
        done: &mut u64,
        response: &mut Response,
        out: &mut dyn Write,
        progress: &dyn Fn(u64),
    ) -> Result<Copied, Error> {
        let limit = plan.size.unwrap_or(plan.limit);
        let mut buffer = vec![0; BUFFER];
        let stall = self.timeouts().stall;
        let (mut window, mut in_window) = (self.clock().now(), 0u64);
        loop {
            if self.canceled().is_set() || (plan.canceled)() {
                return Err(Error::Canceled);
            }
            let read = match response.body.read(&mut buffer) {
                Ok(0) => return Ok(Copied::End),
                Ok(read) => read,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => match Failure::of_read(&e) {
                    failure if failure.kind == FailureKind::Canceled => return Err(Error::Canceled),
                    failure => return Ok(Copied::Broken(failure)),
                },
            };
            let known = skip.min(read as u64) as usize;
            skip -= known as u64;
            let fresh = &buffer[known..read];
            // ORDER: the length is checked before the bytes are handed on.
            if fresh.len() as u64 > limit - *done {
                let url = url.to_string();
                return Err(match plan.size {
                    Some(want) => Error::Size { url, got: *done + fresh.len() as u64, want },
                    None => Error::TooLarge { url, limit },
                });
            }
            out.write_all(fresh).map_err(|source| Error::Write { url: url.to_string(), source })?;
            *done += fresh.len() as u64;
            if !fresh.is_empty() {
                progress(*done);
            }
            in_window += read as u64;
            let elapsed = self.clock().now().saturating_sub(window);
            if elapsed >= stall {
                if in_window < slowest(elapsed) {
                    let message =
                        format!("{} sent only {in_window} bytes in {} s", url.host(), elapsed.as_secs());
                    return Ok(Copied::Broken(Failure::new(FailureKind::Stalled, message)));
                }
                (window, in_window) = (self.clock().now(), 0);
            }
        }
    }
}

fn slowest(elapsed: Duration) -> u64 {
    (elapsed.as_secs_f64() * SLOWEST as f64) as u64
}

/// Judges the head of an answer; says how many of its bytes are known already.
fn begin(url: &Url, plan: &Plan<'_>, at: &mut Continue, response: &Response) -> Result<u64, Error> {
    let broken = |done, reason| Error::Broken { url: url.to_string(), done, reason };
    let skip = match response.status {
        206 => {
            let starts = response.header("content-range").and_then(range_start);
            if starts != Some(at.from) {
                return Err(broken(at.from, "the server continues at another place than asked"));
            }
            0
        }
        _ => at.from,
    };
    let validator = response.header("etag").filter(|tag| tag.starts_with('"')).map(str::to_string);
    if plan.resume == Resume::IfUnchanged && at.from > 0 && validator != at.validator {
        return Err(broken(at.from, "it has changed on the server"));
    }
    at.validator = validator;
    if let (Some(want), Some(length)) = (plan.size, response.content_length()) {
        let got = length + at.from - skip;
        if got != want {
            return Err(Error::Size { url: url.to_string(), got, want });
        }
    }
    if plan.size.is_none() && response.content_length().is_some_and(|l| l + at.from - skip > plan.limit) {
        return Err(Error::TooLarge { url: url.to_string(), limit: plan.limit });
    }
    Ok(skip)
}

/// The length of the whole body, as the head of an answer promises it.
fn whole(response: &Response, from: u64, skip: u64) -> Option<u64> {
    response.content_length().map(|length| length + from - skip)
}

fn range_start(value: &str) -> Option<u64> {
    value.trim().strip_prefix("bytes")?.trim_start().split_once('-')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Answer, Clock, Fault, Memory, Options, Seen};
    use std::sync::Arc;

    const BODY: &[u8] = b"0123456789";

    /// What arrives of a body that nobody checks, and what was asked.
    fn fetched(answer: fn(usize, &Seen) -> Answer) -> (Result<Vec<u8>, Error>, Vec<Seen>) {
        let count = std::sync::atomic::AtomicUsize::new(0);
        let memory = Arc::new(Memory::new(move |seen| {
            answer(count.fetch_add(1, std::sync::atomic::Ordering::SeqCst), seen)
        }));
        let client = Client::over(memory.clone(), Options { clock: Clock::stepped(), ..Options::default() });
        let url = Url::parse("https://h/file").expect("valid");
        let plan = Plan { size: None, limit: 12, resume: Resume::IfUnchanged, canceled: &|| false };
        let mut bytes = Vec::new();
        let mut open = |at: &Continue| client.send(&at.of(Request::get(url.clone()))?);
        let done = client.download::<Error>(&url, &plan, &mut open, &mut bytes, &|_| {});
        (done.map(|_| bytes), memory.log())
    }

    fn broken(tag: &str) -> Answer {
        Answer::new(200, BODY).header("content-length", "10").header("etag", tag).fault(Fault::Reset(4))
    }

    fn rest(tag: &str) -> Answer {
        Answer::new(206, &BODY[4..]).header("content-range", "bytes 4-9/10").header("etag", tag)
    }

    #[test]
    fn an_unchecked_body_is_continued_where_the_server_vouches_for_it() {
        let (bytes, log) = fetched(|n, _| if n == 0 { broken("\"a\"") } else { rest("\"a\"") });
        assert_eq!(bytes.expect("continued"), BODY);
        assert_eq!((log[1].header("range"), log[1].header("if-range")), (Some("bytes=4-"), Some("\"a\"")));
    }

    #[test]
    fn an_unchecked_body_is_not_glued_to_another() {
        let (changed, _) = fetched(|n, _| if n == 0 { broken("\"a\"") } else { rest("\"b\"") });
        assert!(matches!(changed, Err(Error::Broken { done: 4, .. })), "{changed:?}");
        let (weak, log) = fetched(|_, _| broken("W/\"a\""));
        assert!(matches!(weak, Err(Error::Broken { done: 4, .. })) && log.len() == 1, "{weak:?}");
        let whole = |n: usize, _: &Seen| if n == 0 { broken("\"a\"") } else { Answer::new(200, "other") };
        assert!(matches!(fetched(whole).0, Err(Error::Broken { .. })));
    }

    #[test]
    fn a_body_of_unknown_length_is_held_to_its_limit() {
        let (long, _) = fetched(|_, _| Answer::new(200, vec![0; 13]));
        assert!(matches!(long, Err(Error::TooLarge { limit: 12, .. })), "{long:?}");
        let (promised, _) = fetched(|_, _| Answer::new(200, "").header("content-length", "13"));
        assert!(matches!(promised, Err(Error::TooLarge { .. })), "{promised:?}");
    }
}
