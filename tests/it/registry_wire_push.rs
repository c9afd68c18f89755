//! Uploads over real sockets on loopback: a server that resets, falls silent, or answers a byte at a time.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rbuild::http::{self, Timeouts};
use rbuild::oci::{Digest, Reference};
use rbuild::registry::{Body, Client, Options, Outgoing};

/// What happens to the first request that carries bytes.
#[derive(Clone, Copy)]
enum Trouble {
    /// So many bytes arrive, then the connection is reset.
    Reset(usize),
    /// So many bytes arrive, then nobody reads or answers any more.
    Silence(usize),
    /// All arrives, and the answer comes a byte at a time.
    Drip,
}

/// A registry that takes one blob.
struct Server {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    upload: Mutex<Vec<u8>>,
    blob: Mutex<Option<Vec<u8>>>,
    /// Bytes that arrived.
    taken: AtomicUsize,
    bodies: AtomicUsize,
}

impl Server {
    fn start(trouble: Trouble) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let state = Arc::new(State::default());
        let shared = state.clone();
        // The thread ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = shared.clone();
                std::thread::spawn(move || serve(stream, &state, trouble));
            }
        });
        Server { port, state }
    }
}

fn serve(mut stream: TcpStream, state: &State, trouble: Trouble) -> Option<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
        if head[0] == 0x16 {
            // A TLS handshake: answered as servers of plain HTTP do.
            return stream.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTPS request\n").ok();
        }
    }
    let head = String::from_utf8(head).ok()?;
    let method = head.split(' ').next()?;
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    let is_troubled = length > 0 && state.bodies.fetch_add(1, SeqCst) == 0;
    let most = match trouble {
        Trouble::Reset(at) | Trouble::Silence(at) if is_troubled => at,
        _ => length,
    };
    let mut part = vec![0; most];
    stream.read_exact(&mut part).ok()?;
    state.taken.fetch_add(most, SeqCst);
    let has = {
        let mut upload = state.upload.lock().unwrap();
        upload.extend_from_slice(&part);
        upload.len()
    };
    match trouble {
        Trouble::Reset(_) if is_troubled => {
            rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).ok()?;
            return None;
        }
        Trouble::Silence(_) if is_troubled => {
            std::thread::sleep(Duration::from_secs(100));
            return None;
        }
        _ => {}
    }
    let range = format!("location: /v2/app/blobs/uploads/x\r\nrange: 0-{}\r\n", has.saturating_sub(1));
    let (status, more) = match method {
        "HEAD" if state.blob.lock().unwrap().is_some() => ("200 OK", String::new()),
        "HEAD" => ("404 Not Found", String::new()),
        "POST" => {
            state.upload.lock().unwrap().clear();
            ("202 Accepted", "location: /v2/app/blobs/uploads/x\r\n".to_string())
        }
        "GET" => ("204 No Content", range),
        "PATCH" => ("202 Accepted", range),
        "PUT" if is_troubled => ("202 Accepted", range),
        "PUT" => {
            *state.blob.lock().unwrap() = Some(state.upload.lock().unwrap().clone());
            ("201 Created", String::new())
        }
        _ => ("405 Method Not Allowed", String::new()),
    };
    let length = if status.starts_with("204") { "" } else { "content-length: 0\r\n" };
    let answer = format!("HTTP/1.1 {status}\r\n{more}{length}connection: close\r\n\r\n");
    if is_troubled && matches!(trouble, Trouble::Drip) {
        for byte in answer.bytes().cycle() {
            stream.write_all(&[byte]).ok()?;
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    stream.write_all(answer.as_bytes()).ok()
}

/// How much of it went over the line, as a part of its size; and how long it took.
fn pushed(server: &Server, size: u32, stall: Duration) -> (f64, Duration) {
    let bytes: Vec<u8> = (0..size).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let timeouts = Timeouts { stall, ..Timeouts::default() };
    let http = http::Options { timeouts, ..http::Options::default() };
    let client = Client::new(Options { http, ..Options::default() });
    let open = || -> io::Result<Body> { Ok(Body::bytes(bytes.clone())) };
    let (digest, sent) = (Digest::of(&bytes), Arc::new(AtomicU64::new(0)));
    let blob =
        Outgoing { digest, size: size.into(), from: Vec::new(), open: &open, sent: &sent, again: false };
    let to: Reference = format!("127.0.0.1:{}/app:1", server.port).parse().expect("valid");
    let began = Instant::now();
    client.push_blob(&to, &blob, &|| false).expect("arrives in the end");
    let took = began.elapsed();
    assert!(server.state.blob.lock().unwrap().as_ref() == Some(&bytes), "the blob differs");
    (server.state.taken.load(SeqCst) as f64 / f64::from(size), took)
}

const PATIENT: Duration = Duration::from_secs(20);

#[test]
fn an_upload_that_is_reset_at_a_byte_goes_on_there() {
    for at in [1_000, 150_000, 3_000_000, 5_999_999] {
        let (part, took) = pushed(&Server::start(Trouble::Reset(at)), 6_000_000, PATIENT);
        assert!(part <= 1.1 && took < PATIENT, "{at}: {part} times the blob, {took:?}");
    }
}

#[test]
fn a_server_that_stops_reading_or_answering_is_left_and_asked_how_far_it_is() {
    for (at, size) in [(50_000, 20_000_000), (20_000_000, 20_000_000), (150_000, 200_000)] {
        let server = Server::start(Trouble::Silence(at));
        let (part, took) = pushed(&server, size, Duration::from_millis(500));
        assert!(part <= 1.1 && took < PATIENT, "{at} of {size}: {part} times the blob, {took:?}");
    }
}

#[test]
fn an_answer_that_drips_is_no_answer() {
    let (part, took) = pushed(&Server::start(Trouble::Drip), 200_000, Duration::from_millis(500));
    assert!(part <= 1.1 && took < PATIENT, "{part} times the blob, {took:?}");
}
