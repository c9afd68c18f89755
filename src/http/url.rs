//! An absolute `http` or `https` address that knows its origin and prints without secrets.

use std::fmt;

use ureq::http::Uri;

use super::address::{Reach, is_disguised};
use super::error::Error;
use super::secret::Secret;

/// An address. `Display` and `Debug` leave out user info, and the values of query parameters that are not known to be
/// harmless; [`Url::wire`] is the whole text. SPEC: RFC 3986.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    tls: bool,
    /// Lower case, no brackets.
    host: String,
    port: u16,
    path: String,
    query: Option<String>,
    user_info: Option<Secret>,
}

impl Url {
    /// Reads an absolute URL; a fragment is dropped.
    pub fn parse(text: &str) -> Result<Url, Error> {
        let wrong = |reason: &str| Error::Url { url: without_user_info(text), reason: reason.to_string() };
        let uri: Uri = text.parse().map_err(|e| wrong(&format!("{e}")))?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) => return Err(wrong("only http and https are spoken")),
            None => return Err(wrong("it has no scheme (https://…)")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("it has no host"))?;
        let (user_info, place) = match authority.as_str().rsplit_once('@') {
            Some((user_info, place)) => (Some(Secret::new(user_info)), place),
            None => (None, authority.as_str()),
        };
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
        if host.is_empty() {
            return Err(wrong("it has no host"));
        }
        if is_disguised(&host) {
            return Err(wrong("its host is a number that is not an IPv4 address in dotted form"));
        }
        let port = match place.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
            Some((_, "")) | None => {
                if tls {
                    443
                } else {
                    80
                }
            }
            Some((_, port)) => port.parse().map_err(|_| wrong("its port is not a number below 65536"))?,
        };
        let path = if uri.path().is_empty() { "/" } else { uri.path() };
        let query = uri.query().map(str::to_string);
        Ok(Url { tls, host, port, path: path.to_string(), query, user_info })
    }

    /// Whether the scheme is `https`.
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// The host in lower case, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's own if none is written.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path, at least `/`, percent-encoded as it came.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// `user:password` as written (percent-encoded).
    pub fn user_info(&self) -> Option<&Secret> {
        self.user_info.as_ref()
    }

    /// What kind of place the host is.
    pub fn reach(&self) -> Reach {
        Reach::of(&self.host)
    }

    /// Whether scheme, host and port are the same.
    pub fn same_origin(&self, other: &Url) -> bool {
        (self.tls, &self.host, self.port) == (other.tls, &other.host, other.port)
    }

    /// The whole address as it is sent, without user info.
    pub fn wire(&self) -> String {
        let query = self.query.as_ref().map(|q| format!("?{q}")).unwrap_or_default();
        format!("{}{}{query}", self.origin(), self.path)
    }

    /// The same address with one more query parameter; `name` and `value` are encoded here.
    pub fn with_query(mut self, name: &str, value: &str) -> Url {
        let pair = format!("{}={}", encode(name), encode(value));
        self.query = Some(match self.query.filter(|q| !q.is_empty()) {
            Some(query) => format!("{query}&{pair}"),
            None => pair,
        });
        self
    }

    /// The address that `reference`, found at this address, means. SPEC: RFC 3986 section 5.2.
    pub fn join(&self, reference: &str) -> Result<Url, Error> {
        let reference = reference.trim();
        let scheme = if self.tls { "https" } else { "http" };
        let has_scheme = reference.split_once(':').is_some_and(|(s, _)| {
            s.starts_with(|c: char| c.is_ascii_alphabetic())
                && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        });
        if has_scheme {
            return Url::parse(reference);
        }
        if reference.starts_with("//") {
            return Url::parse(&format!("{scheme}:{reference}"));
        }
        let reference = reference.split('#').next().unwrap_or_default();
        let (path, query) = match reference.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (reference, None),
        };
        let (path, query) = match path {
            "" => (self.path.clone(), query.or(self.query.as_deref())),
            _ if path.starts_with('/') => (without_dots(path), query),
            _ => {
                let base = self.path.rsplit_once('/').map_or("", |(base, _)| base);
                (without_dots(&format!("{base}/{path}")), query)
            }
        };
        let query = query.map(|q| format!("?{q}")).unwrap_or_default();
        Url::parse(&format!("{}{path}{query}", self.origin()))
    }

    fn origin(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.tls, self.port) {
            (true, 443) => format!("https://{host}"),
            (false, 80) => format!("http://{host}"),
            (true, port) => format!("https://{host}:{port}"),
            (false, port) => format!("http://{host}:{port}"),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Parameters of the distribution and token protocols; everything else may be a signature.
        const HARMLESS: [&str; 8] = ["service", "scope", "digest", "mount", "from", "n", "ns", "client_id"];
        write!(f, "{}{}", self.origin(), self.path)?;
        for (index, pair) in self.query.iter().flat_map(|q| q.split('&')).enumerate() {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = if HARMLESS.contains(&name) || value.is_empty() { value } else { "…" };
            write!(f, "{}{name}={value}", if index == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Percent-encoding of everything but the unreserved characters.
pub(super) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// `remove_dot_segments` of RFC 3986.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

/// What can be shown of a text that is not a URL.
fn without_user_info(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let path = path.split('?').next().unwrap_or_default();
    let shown =
        if scheme.is_empty() { format!("{place}{path}") } else { format!("{scheme}://{place}{path}") };
    shown.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("valid")
    }

    #[test]
    fn parts_are_found_and_the_wire_form_is_whole() {
        let it = url("https://Example.ORG:443/a%20b?x=1&y#frag");
        assert_eq!((it.host(), it.port(), it.path(), it.is_tls()), ("example.org", 443, "/a%20b", true));
        assert_eq!(it.wire(), "https://example.org/a%20b?x=1&y");
        assert_eq!(url("http://[::1]:5000").wire(), "http://[::1]:5000/");
        assert_eq!(url("http://[::1]").port(), 80);
    }

    #[test]
    fn secrets_are_not_shown() {
        let it = url("https://me:pass@h/p?scope=a:b&X-Amz-Signature=abc&sig=");
        assert_eq!(it.to_string(), "https://h/p?scope=a:b&X-Amz-Signature=…&sig=");
        assert!(!format!("{it:?}").contains("pass"));
        let wrong = Url::parse("https://me:pass@h:99999/x?sig=abc").expect_err("port").to_string();
        assert!(!wrong.contains("pass") && !wrong.contains("abc"), "{wrong}");
        assert_eq!(it.wire(), "https://h/p?scope=a:b&X-Amz-Signature=abc&sig=");
    }

    #[test]
    fn references_are_resolved_as_rfc_3986_says() {
        let base = url("http://a/b/c/d;p?q");
        for (reference, want) in [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g/"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../../../g", "http://a/g"),
            ("https://x/y?u=http://z", "https://x/y?u=http://z"),
            ("/y?u=http://z", "http://a/y?u=http://z"),
        ] {
            assert_eq!(base.join(reference).expect(reference).wire(), want, "{reference}");
        }
        for reference in ["file:///etc/passwd", "gopher://x", "data:text/plain,x"] {
            assert!(base.join(reference).is_err(), "{reference}");
        }
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
        for text in [
            "",
            "example.org",
            "/x",
            "ftp://x/",
            "http://",
            "http://127.1/",
            "http://2130706433/",
            "http://a b/",
        ] {
            assert!(Url::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn query_parameters_are_encoded() {
        let it = url("https://h/t?a=b").with_query("scope", "repository:x/y:pull").with_query("s", "a&b c");
        assert_eq!(it.wire(), "https://h/t?a=b&scope=repository%3Ax%2Fy%3Apull&s=a%26b%20c");
    }
}
