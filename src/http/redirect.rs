//! Where a redirect may lead, and what goes along.

use super::address::Reach;
use super::error::Error;
use super::request::{Content, Method, Request};
use super::response::Response;
use super::url::Url;

/// LIMIT: a registry needs one or two hops; ten is what browsers and curl grew up with.
pub(super) const MOST: usize = 10;

/// The request that follows `response` to `request`; none when it is not a redirect that we follow.
///
/// `first` is where it all began: a chain that began elsewhere does not end on this machine, nor ever at a metadata
/// service.
pub(super) fn next(first: &Url, request: &Request, response: &Response) -> Result<Option<Request>, Error> {
    // SPEC: RFC 9110 section 15.4; 304 and 300 are answers. What is sent travels on only where the status says that
    // method and body stay: 301 to 303 would make a GET of an upload.
    let is_followed = match request.method {
        Method::GET | Method::HEAD => matches!(response.status, 301 | 302 | 303 | 307 | 308),
        _ => matches!(response.status, 307 | 308) && !matches!(request.content, Content::Private(_)),
    };
    if !is_followed {
        return Ok(None);
    }
    let Some(location) = response.header("location").filter(|l| !l.is_empty()) else { return Ok(None) };
    let url = follow(first, &request.url, location)?;
    let mut next = request.clone();
    // ORDER: before the address changes. What was meant for one origin is lost on the way to another, for good.
    if !request.url.same_origin(&url) {
        next.authorization = None;
        next.unverified = false;
    }
    next.url = url;
    Ok(Some(next))
}

/// The address that `location` is, said by `from`, if it may be asked. `first` is where it all began.
pub fn follow(first: &Url, from: &Url, location: &str) -> Result<Url, Error> {
    let refused = |to: String, reason| Error::Redirect { from: from.to_string(), to, reason };
    let url = match from.join(location) {
        Ok(url) => url,
        Err(Error::Url { url, .. }) => {
            return Err(refused(url, "only http and https addresses are followed"));
        }
        Err(other) => return Err(other),
    };
    if from.is_tls() && !url.is_tls() {
        return Err(refused(url.to_string(), "what began under TLS is not continued without it"));
    }
    match url.reach() {
        Reach::Metadata if !url.same_origin(first) => {
            Err(refused(url.to_string(), "it is a link-local address or a metadata service"))
        }
        Reach::Loopback if first.reach() != Reach::Loopback => {
            Err(refused(url.to_string(), "it is this machine itself"))
        }
        _ => Ok(url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Secret;
    use ureq::http::HeaderMap;

    fn follow(from: &str, location: &str) -> Result<Option<Request>, Error> {
        let url = Url::parse(from).expect("valid");
        let mut request = Request::get(url.clone()).authorized(Some(Secret::bearer("t")));
        request.unverified = true;
        let mut headers = HeaderMap::new();
        headers.insert("location", location.parse().expect("valid"));
        let body = Box::new(std::io::empty());
        let response = Response { method: Method::GET, url: url.clone(), status: 307, headers, body };
        next(&url, &request, &response)
    }

    #[test]
    fn authorization_stays_with_its_origin() {
        for (location, kept) in [
            ("/other", true),
            ("https://a.example/x", true),
            ("https://a.example:444/x", false),
            ("https://b.example/x", false),
            ("https://a.example.b.example/x", false),
        ] {
            let next = follow("https://a.example/", location).expect("allowed").expect("followed");
            assert_eq!((next.authorization.is_some(), next.unverified), (kept, kept), "{location}");
        }
        let up = follow("http://a.example/", "https://a.example/").expect("allowed").expect("followed");
        assert!(up.authorization.is_none());
    }

    #[test]
    fn what_is_sent_travels_on_with_its_method_and_body_and_a_secret_in_it_never() {
        let sent = |method: Method, content: Content, status: u16| {
            let url = Url::parse("https://a.example/").expect("valid");
            let mut request = Request::new(method, url.clone()).authorized(Some(Secret::bearer("t")));
            request.content = content;
            let mut headers = HeaderMap::new();
            headers.insert("location", "https://b.example/up".parse().expect("valid"));
            let body = Box::new(std::io::empty());
            let response =
                Response { method: request.method.clone(), url: url.clone(), status, headers, body };
            next(&url, &request, &response).expect("allowed")
        };
        for method in [Method::POST, Method::PATCH, Method::PUT, Method::DELETE] {
            for status in [307, 308] {
                let next = sent(method.clone(), Content::Bytes(b"x".to_vec()), status).expect("followed");
                assert_eq!((&next.method, next.url.host()), (&method, "b.example"));
                assert!(matches!(&next.content, Content::Bytes(bytes) if bytes == b"x"));
                assert!(next.authorization.is_none());
            }
            for status in [300, 301, 302, 303, 304, 305] {
                assert!(sent(method.clone(), Content::Bytes(b"x".to_vec()), status).is_none(), "{status}");
            }
            assert!(sent(method, Content::Private(Secret::new("refresh_token=s")), 307).is_none());
        }
    }

    #[test]
    fn a_redirect_never_leaves_tls_nor_enters_the_machine_or_its_metadata() {
        for location in [
            "http://a.example/",
            "https://127.0.0.1/",
            "https://localhost:1/",
            "https://169.254.169.254/latest",
            "https://[fe80::1]/",
            "file:///etc/passwd",
            "https://2852039166/",
        ] {
            assert!(
                matches!(follow("https://a.example/", location), Err(Error::Redirect { .. })),
                "{location}"
            );
        }
        assert!(follow("http://127.0.0.1:5000/", "http://127.0.0.1:5001/x").is_ok());
        assert!(follow("http://127.0.0.1:5000/", "http://169.254.169.254/").is_err());
    }
}
