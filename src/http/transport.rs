//! One exchange with one server: the seam between our rules and the network.

use super::failure::Failure;
use super::request::Request;
use super::response::Response;

/// Carries one request to its server and the answer back. No redirect is followed, nothing is tried again.
pub trait Transport: Send + Sync {
    /// Makes the exchange; any status is an answer. Reading the body may fail later, with a [`Failure`] inside the
    /// `io::Error`.
    fn exchange(&self, request: &Request) -> Result<Response, Failure>;
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use crate::http::{
        Answer, Canceled, FailureKind, Fault, HostCertificates, Memory, Method, Proxies, Secret, Timeouts,
        Trust, Url, Wire,
    };

    /// The server of the suite, as a function of method, path, authorization and body.
    fn serve(method: &str, path: &str, authorization: Option<&str>, body: &[u8]) -> Answer {
        match (method, path) {
            ("GET", "/plain") => Answer::new(200, "hello").header("x-who", authorization.unwrap_or("nobody")),
            ("HEAD", "/plain") => Answer::new(200, "hello"),
            ("GET", "/moved") => Answer::new(302, "").header("location", "/plain"),
            ("GET", "/breaks") => Answer::new(200, vec![7; 5000]).fault(Fault::Reset(3000)),
            ("POST", "/echo") => Answer::new(201, body),
            _ => Answer::new(404, "no"),
        }
    }

    /// The claims that every transport keeps.
    fn suite(transport: &dyn Transport, base: &str) {
        let url = |path: &str| Url::parse(&format!("{base}{path}")).expect("valid");
        let get = |path: &str| transport.exchange(&Request::get(url(path))).expect("answers");

        let mut plain = get("/plain");
        assert_eq!((plain.status, plain.header("x-who")), (200, Some("nobody")));
        assert_eq!(plain.bytes(100).expect("whole"), b"hello");
        let shown = Request::get(url("/plain")).authorized(Some(Secret::bearer("t")));
        assert_eq!(transport.exchange(&shown).expect("answers").header("x-who"), Some("Bearer t"));
        let mut head = transport.exchange(&Request::new(Method::HEAD, url("/plain"))).expect("answers");
        assert_eq!((head.status, head.bytes(100).expect("empty").len()), (200, 0));
        let moved = get("/moved");
        assert_eq!((moved.status, moved.header("location")), (302, Some("/plain")), "nothing is followed");
        assert_eq!(get("/gone").status, 404, "any status is an answer");
        let mut echo = transport.exchange(&Request::form(url("/echo"), &[("a", "b&c")])).expect("answers");
        assert_eq!((echo.status, echo.bytes(100).expect("whole")), (201, b"a=b%26c".to_vec()));

        let mut arrived = Vec::new();
        let error = get("/breaks").body.read_to_end(&mut arrived).expect_err("breaks");
        assert_eq!((Failure::of_read(&error).kind, arrived.len()), (FailureKind::Broken, 3000));
    }

    #[test]
    fn the_transport_in_memory_keeps_the_claims() {
        let memory = Memory::new(|seen| {
            let authorization = seen.authorization.as_ref().map(|a| a.reveal());
            serve(seen.method.as_str(), seen.url.path(), authorization, &seen.body)
        });
        suite(&memory, "https://h");
    }

    #[test]
    fn the_transport_over_the_wire_keeps_the_claims() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("bound"));
        std::thread::spawn(move || listener.incoming().flatten().for_each(answer_one));
        let wire = {
            let (trust, certificates) = (Trust::default(), HostCertificates::default());
            Wire::new(
                trust,
                certificates,
                Proxies::default(),
                Timeouts::default(),
                Canceled::never(),
                "rbuild",
            )
        };
        suite(&wire, &base);
    }

    fn answer_one(mut stream: TcpStream) {
        let mut text = Vec::new();
        let mut byte = [0];
        while !text.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
            text.push(byte[0]);
        }
        let text = String::from_utf8(text).expect("text");
        let header = |name: &str| text.lines().find_map(|l| l.strip_prefix(name)).map(str::trim);
        let length = header("content-length:").map_or(0, |l| l.parse().expect("number"));
        let mut body = vec![0; length];
        stream.read_exact(&mut body).expect("body");
        let mut words = text.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let answer = serve(method, path, header("authorization:"), &body);
        let mut head = format!("HTTP/1.1 {} x\r\nconnection: close\r\n", answer.status);
        head += &format!("content-length: {}\r\n", answer.body.len());
        for (name, value) in &answer.headers {
            head += &format!("{name}: {value}\r\n");
        }
        let sent = match answer.fault {
            Some(Fault::Reset(at)) => at,
            _ if method == "HEAD" => 0,
            _ => answer.body.len(),
        };
        let _ = stream.write_all(&[head.as_bytes(), b"\r\n", &answer.body[..sent]].concat());
    }
}
