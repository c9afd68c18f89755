//! When to try again, and how long to wait before: full jitter, and what the server asks for.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use jiff::fmt::rfc2822;
use ureq::http::HeaderMap;

use super::error::Error;

/// How much trouble is waited out.
#[derive(Clone, Debug)]
pub struct Patience {
    /// The first wait is at most this long; each later one at most twice the one before.
    pub first: Duration,
    /// No wait that we choose is longer.
    pub longest: Duration,
    /// All waits together, and so also the longest that a server may ask for.
    pub total: Duration,
    /// Tries of one exchange.
    pub attempts: u32,
    /// Tries when the host is unknown or does not listen: it seldom is a passing trouble.
    pub stubborn_attempts: u32,
}

impl Default for Patience {
    // LIMIT: what registries' rate limits and restarts take to pass; nobody watches a build that stands for longer.
    fn default() -> Patience {
        Patience {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(30),
            total: Duration::from_secs(120),
            attempts: 12,
            stubborn_attempts: 4,
        }
    }
}

/// The state of trying one thing.
#[derive(Clone, Debug)]
pub struct Backoff {
    patience: Patience,
    failures: u32,
    waited: Duration,
}

impl Backoff {
    /// Nothing has failed yet.
    pub fn new(patience: &Patience) -> Backoff {
        Backoff { patience: patience.clone(), failures: 0, waited: Duration::ZERO }
    }

    /// Something was achieved: what follows is a new trouble.
    pub fn progress(&mut self) {
        self.failures = 0;
        self.waited = Duration::ZERO;
    }

    /// Counts a failure. How long to wait before the next try, or the error to give up with.
    pub fn after(&mut self, error: Error) -> Result<Duration, Error> {
        if !error.is_transient() {
            return Err(error);
        }
        self.failures += 1;
        let stubborn = matches!(&error, Error::Exchange { failure, .. } if failure.kind.is_stubborn());
        let attempts = if stubborn { self.patience.stubborn_attempts } else { self.patience.attempts };
        let asked = match &error {
            Error::Status { retry_after, .. } => *retry_after,
            _ => None,
        };
        let left = self.patience.total.saturating_sub(self.waited);
        let too_long = asked.filter(|asked| *asked > left);
        if self.failures >= attempts || too_long.is_some() || left.is_zero() {
            return Err(match self.failures == 1 && too_long.is_none() {
                true => error,
                false => Error::GaveUp {
                    cause: Box::new(error),
                    attempts: self.failures,
                    waited: self.waited.as_secs(),
                    asked: too_long.map(|t| t.as_secs()),
                },
            });
        }
        // A wish is a lower bound; the jitter on top keeps the crowd that got the same wish apart.
        let wait = (asked.unwrap_or_default() + self.jitter()).min(left);
        self.waited += wait;
        Ok(wait)
    }

    /// A random part of a window that doubles with each failure.
    fn jitter(&self) -> Duration {
        let doubled = self.patience.first.saturating_mul(1 << (self.failures - 1).min(16));
        let window = doubled.min(self.patience.longest);
        // The keys of a `RandomState` are random enough to keep clients apart, and need no source of our own.
        let random = RandomState::new().build_hasher().finish();
        window.mul_f64(random as f64 / u64::MAX as f64)
    }
}

/// How long a server asks to be left alone. SPEC: RFC 9110 section 10.2.3, the RateLimit header fields.
pub(super) fn wanted_wait(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::trim);
    if let Some(wish) = text("retry-after") {
        if let Ok(seconds) = wish.parse::<u64>() {
            return Some(Duration::from_secs(seconds));
        }
        // A date is compared with the server's own clock, not with ours.
        let then = rfc2822::parse(wish).ok()?.timestamp();
        let now = rfc2822::parse(text("date")?).ok()?.timestamp();
        return Some(Duration::from_secs(u64::try_from(then.as_second() - now.as_second()).unwrap_or(0)));
    }
    if text("ratelimit-remaining").is_some_and(|left| left.split(';').next() == Some("0")) {
        let reset = text("ratelimit-reset")?.parse().ok()?;
        return Some(Duration::from_secs(reset));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Failure, FailureKind, Method};

    fn busy(retry_after: Option<u64>) -> Error {
        Error::Status {
            method: Method::GET,
            url: "https://h/".to_string(),
            status: 429,
            detail: String::new(),
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    fn failed(kind: FailureKind) -> Error {
        let url = "https://h/".to_string();
        Error::Exchange { method: Method::GET, url, failure: Failure::new(kind, "x") }
    }

    #[test]
    fn waits_grow_to_the_longest_and_stop_at_the_total() {
        let mut backoff = Backoff::new(&Patience { attempts: 1000, ..Patience::default() });
        let mut sum = Duration::ZERO;
        let mut windows = Vec::new();
        while let Ok(wait) = backoff.after(busy(None)) {
            windows.push(wait);
            sum += wait;
        }
        assert!(windows[0] <= Duration::from_millis(500) && windows[1] <= Duration::from_secs(1));
        assert!(windows.iter().all(|w| *w <= Duration::from_secs(30)));
        assert_eq!(sum, Duration::from_secs(120));
    }

    #[test]
    fn waits_differ_between_clients() {
        let waits: std::collections::BTreeSet<Duration> = (0..20)
            .map(|_| Backoff::new(&Patience::default()).after(busy(None)).expect("first try"))
            .collect();
        assert!(waits.len() > 10, "{waits:?}");
    }

    #[test]
    fn a_wish_is_honoured_up_to_the_total_and_named_beyond_it() {
        let mut backoff = Backoff::new(&Patience::default());
        let wait = backoff.after(busy(Some(7))).expect("seven seconds are fine");
        assert!((7.0..=7.5).contains(&wait.as_secs_f64()), "{wait:?}");
        let error = backoff.after(busy(Some(3600))).expect_err("an hour is not").to_string();
        assert!(error.contains("asked to wait 3600 s"), "{error}");
    }

    #[test]
    fn what_will_not_pass_is_not_tried_again_and_an_unknown_host_not_often() {
        for kind in [FailureKind::Tls, FailureKind::NotTls, FailureKind::Proxy, FailureKind::Canceled] {
            assert!(Backoff::new(&Patience::default()).after(failed(kind)).is_err(), "{kind:?}");
        }
        let mut backoff = Backoff::new(&Patience::default());
        let tries = (0..).take_while(|_| backoff.after(failed(FailureKind::Host)).is_ok()).count();
        assert_eq!(tries, 3);
    }

    #[test]
    fn dates_and_rate_limits_are_read_as_waits() {
        let wait = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().expect("valid"));
            }
            wanted_wait(&headers).map(|w| w.as_secs())
        };
        assert_eq!(wait(&[("retry-after", "5")]), Some(5));
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(wait(&[("retry-after", "Sun, 06 Nov 1994 08:50:00 GMT"), date]), Some(23));
        assert_eq!(wait(&[("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT"), date]), Some(0));
        assert_eq!(wait(&[("retry-after", "soon")]), None);
        assert_eq!(wait(&[("ratelimit-remaining", "0;w=21600"), ("ratelimit-reset", "9")]), Some(9));
        assert_eq!(wait(&[("ratelimit-remaining", "3"), ("ratelimit-reset", "9")]), None);
    }
}
