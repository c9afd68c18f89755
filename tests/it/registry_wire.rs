//! The HTTP client against real sockets on loopback: resets, silence, dripping, plain text where TLS was tried.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rbuild::http::{self, Canceled, Timeouts};
use rbuild::oci::{Descriptor, Digest, MediaType, Reference, new_descriptor};
use rbuild::registry::{Client, Options};

/// A server that answers each connection's requests by `answer`: connection number, request text, socket.
struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(answer: impl Fn(usize, &str, &mut TcpStream) + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let (log, answer, count) = (requests.clone(), Arc::new(answer), Arc::new(AtomicUsize::new(0)));
        // The thread ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, answer, count) = (log.clone(), answer.clone(), count.clone());
                std::thread::spawn(move || serve(stream, &log, &*answer, &count));
            }
        });
        Server { port, requests }
    }

    fn reference(&self) -> Reference {
        format!("127.0.0.1:{}/app:1", self.port).parse().expect("valid")
    }

    fn ranges(&self) -> Vec<Option<String>> {
        let requests = self.requests.lock().expect("not poisoned");
        let range = |r: &String| r.lines().find_map(|l| l.strip_prefix("range: ")).map(str::to_string);
        requests.iter().filter(|r| r.contains("/blobs/")).map(range).collect()
    }
}

fn serve(
    mut stream: TcpStream,
    log: &Mutex<Vec<String>>,
    answer: &(dyn Fn(usize, &str, &mut TcpStream) + Send + Sync),
    count: &AtomicUsize,
) {
    let mut text = Vec::new();
    let mut byte = [0];
    while stream.read(&mut byte).is_ok_and(|read| read == 1) {
        text.push(byte[0]);
        if text[0] == 0x16 {
            // A TLS handshake: answered as servers of plain HTTP do.
            let _ = stream.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTPS request\n");
            return;
        }
        if text.ends_with(b"\r\n\r\n") {
            let request = String::from_utf8_lossy(&text).into_owned();
            log.lock().expect("not poisoned").push(request.clone());
            let number =
                if request.contains("/blobs/") { count.fetch_add(1, Ordering::SeqCst) } else { usize::MAX };
            return answer(number, &request, &mut stream);
        }
    }
}

const SIZE: usize = 200_000;

fn blob() -> Vec<u8> {
    (0..SIZE as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn descriptor() -> Descriptor {
    new_descriptor(MediaType::ImageLayerGzip, Digest::of(&blob()), SIZE as u64)
}

/// The honest answer: the whole, or from the range on.
fn honest(request: &str, stream: &mut TcpStream) {
    let from = start(request);
    let _ = head(from, stream).and_then(|()| stream.write_all(&blob()[from..]));
}

fn start(request: &str) -> usize {
    let range = request.lines().find_map(|l| l.strip_prefix("range: bytes=")?.strip_suffix('-'));
    range.map_or(0, |from| from.parse().expect("a number"))
}

fn head(from: usize, stream: &mut TcpStream) -> std::io::Result<()> {
    let (status, range) = match from {
        0 => ("200 OK", String::new()),
        _ => ("206 Partial Content", format!("content-range: bytes {from}-{}/{SIZE}\r\n", SIZE - 1)),
    };
    let length = SIZE - from;
    stream.write_all(
        format!("HTTP/1.1 {status}\r\n{range}content-length: {length}\r\nconnection: close\r\n\r\n")
            .as_bytes(),
    )
}

fn options(stall: Duration) -> Options {
    let timeouts = Timeouts { stall, ..Timeouts::default() };
    let http = http::Options { timeouts, ..http::Options::default() };
    Options { http, ..Options::default() }
}

fn pull(server: &Server, options: Options) -> Result<Vec<u8>, rbuild::registry::Error> {
    let mut bytes = Vec::new();
    Client::new(options).blob(&server.reference(), &descriptor(), &mut bytes, &|_| {}, &|| false)?;
    Ok(bytes)
}

#[test]
fn a_connection_that_is_reset_is_resumed_where_it_broke() {
    let server = Server::start(|number, request, stream| match number {
        0 => {
            let _ = head(0, stream).and_then(|()| stream.write_all(&blob()[..70_000]));
            std::thread::sleep(Duration::from_millis(100));
            rustix::net::sockopt::set_socket_linger(&*stream, Some(Duration::ZERO)).expect("linger");
        }
        _ => honest(request, stream),
    });
    assert_eq!(pull(&server, options(Duration::from_secs(20))).expect("resumes"), blob());
    assert_eq!(server.ranges(), [None, Some("bytes=70000-".to_string())]);
}

#[test]
fn a_server_that_falls_silent_is_left_and_asked_for_the_rest() {
    let server = Server::start(|number, request, stream| match number {
        0 => {
            let _ = head(0, stream).and_then(|()| stream.write_all(&blob()[..50_000]));
            std::thread::sleep(Duration::from_secs(60));
        }
        _ => honest(request, stream),
    });
    let began = Instant::now();
    assert_eq!(pull(&server, options(Duration::from_millis(400))).expect("resumes"), blob());
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(server.ranges(), [None, Some("bytes=50000-".to_string())]);
}

#[test]
fn a_server_that_drips_is_a_server_that_is_silent() {
    let server = Server::start(|number, request, stream| match number {
        0 => {
            let _ = head(0, stream);
            for piece in blob().chunks(10) {
                if stream.write_all(piece).is_err() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        _ => honest(request, stream),
    });
    let began = Instant::now();
    assert_eq!(pull(&server, options(Duration::from_millis(500))).expect("resumes"), blob());
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(server.ranges().len(), 2);
}

#[test]
fn a_server_whose_head_drips_is_left_and_asked_again() {
    let server = Server::start(|number, request, stream| match number {
        0 => {
            for byte in b"HTTP/1.1 200 OK\r\nx-nothing: ".iter().chain(std::iter::repeat(&b'.')) {
                if stream.write_all(&[*byte]).is_err() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        _ => honest(request, stream),
    });
    let began = Instant::now();
    assert_eq!(pull(&server, options(Duration::from_millis(500))).expect("asks again"), blob());
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(server.ranges(), [None, None]);
}

#[test]
fn a_canceled_pull_does_not_wait_for_a_silent_server() {
    let server = Server::start(|_, _, stream| {
        let _ = head(0, stream).and_then(|()| stream.write_all(&blob()[..1000]));
        std::thread::sleep(Duration::from_secs(60));
    });
    let stop = Arc::new(AtomicBool::new(false));
    let asked = stop.clone();
    let mut options = options(Duration::from_secs(30));
    options.http.canceled = Canceled::new(move || asked.load(Ordering::SeqCst));
    let began = Instant::now();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        stop.store(true, Ordering::SeqCst);
    });
    assert!(pull(&server, options).expect_err("canceled").is_canceled());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn a_host_that_is_not_there_is_given_up_soon_and_named() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound").port();
    let reference: Reference = format!("127.0.0.1:{free}/app:1").parse().expect("valid");
    let began = Instant::now();
    let error = Client::new(options(Duration::from_secs(5))).resolve(&reference).expect_err("nobody");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let said = error.to_string();
    assert!(said.contains(&format!("127.0.0.1:{free}")) && said.contains("no connection"), "{said}");
}

#[test]
fn a_proxy_is_asked_for_the_way_and_its_refusal_told() {
    let proxy = Server::start(|_, _, stream| {
        let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
    });
    let mut options = options(Duration::from_secs(5));
    let address = format!("http://user:hunter2@127.0.0.1:{}", proxy.port);
    options.http.proxies.https = Some(http::Secret::new(address));
    let reference: Reference = "registry.invalid/app:1".parse().expect("valid");
    let said = Client::new(options).resolve(&reference).expect_err("refused").to_string();
    let requests = proxy.requests.lock().expect("not poisoned");
    assert!(requests.iter().any(|r| r.starts_with("CONNECT registry.invalid:443")), "{requests:?}");
    assert!(said.contains("proxy") && !said.contains("hunter2"), "{said}");
}
