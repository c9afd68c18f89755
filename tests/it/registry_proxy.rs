//! A proxy in front of a registry on loopback that writes down what is asked, and counts the bytes of the answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// One exchange.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    /// With its query.
    pub path: String,
    pub status: u16,
    /// Bytes of the body that went up.
    pub sent: usize,
    /// Bytes of the body that came back.
    pub received: usize,
}

/// What happens to a request instead; the status of an answer without a body.
type Trouble = Arc<dyn Fn(&Asked) -> Option<u16> + Send + Sync>;

pub struct Proxy {
    pub port: u16,
    log: Arc<Mutex<Vec<Asked>>>,
    trouble: Arc<Mutex<Option<Trouble>>>,
    is_late: Arc<AtomicBool>,
}

impl Proxy {
    /// Stands before the registry at `port`.
    pub fn before(port: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let own = listener.local_addr().expect("bound").port();
        let log: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let trouble: Arc<Mutex<Option<Trouble>>> = Arc::default();
        let is_late: Arc<AtomicBool> = Arc::default();
        let (shared, faults, late) = (log.clone(), trouble.clone(), is_late.clone());
        // The thread ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, trouble, late) = (shared.clone(), faults.clone(), late.clone());
                std::thread::spawn(move || pass(stream, port, &log, &trouble, &late));
            }
        });
        Proxy { port: own, log, trouble, is_late }
    }

    /// `127.0.0.1:PORT/rest`
    pub fn name(&self, rest: &str) -> String {
        format!("127.0.0.1:{}/{rest}", self.port)
    }

    /// What was asked since the last time, besides the looks for TLS.
    pub fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.log.lock().expect("not poisoned"))
    }

    /// From now on some requests are answered with a bare status, or wait for something: each in a thread of its own.
    pub fn troubled(&self, trouble: impl Fn(&Asked) -> Option<u16> + Send + Sync + 'static) {
        self.is_late.store(false, Ordering::SeqCst);
        *self.trouble.lock().expect("not poisoned") = Some(Arc::new(trouble));
    }

    /// The same, but the registry has done what it was asked for, and only the answer is lost.
    pub fn losing(&self, trouble: impl Fn(&Asked) -> Option<u16> + Send + Sync + 'static) {
        self.troubled(trouble);
        self.is_late.store(true, Ordering::SeqCst);
    }

    /// No more troubles.
    pub fn honest(&self) {
        *self.trouble.lock().expect("not poisoned") = None;
    }
}

/// Requests of a kind.
pub fn count(log: &[Asked], method: &str, part: &str) -> usize {
    log.iter().filter(|asked| asked.method == method && asked.path.contains(part)).count()
}

/// Bytes of blobs that came.
pub fn blob_bytes(log: &[Asked]) -> usize {
    log.iter().filter(|asked| asked.path.contains("/blobs/sha256:")).map(|asked| asked.received).sum()
}

struct Message {
    head: Vec<String>,
    body: Vec<u8>,
}

/// Reads a message. `bodiless`: whatever its head says, nothing follows.
fn message(stream: &mut BufReader<TcpStream>, bodiless: bool) -> Option<Message> {
    let mut head = Vec::new();
    loop {
        let mut line = Vec::new();
        stream.read_until(b'\n', &mut line).ok()?;
        let line = String::from_utf8(line).ok()?.trim_end().to_string();
        if line.is_empty() {
            break;
        }
        head.push(line);
    }
    let value = |name: &str| {
        head.iter().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_string())
        })
    };
    let mut body = Vec::new();
    if !head.is_empty() && !bodiless {
        match value("content-length").map(|n| n.parse::<usize>().expect("a number")) {
            Some(length) => {
                body.resize(length, 0);
                stream.read_exact(&mut body).ok()?;
            }
            None if head[0].starts_with("HTTP/") => drop(stream.read_to_end(&mut body)),
            None => {}
        }
    }
    (!head.is_empty()).then_some(Message { head, body })
}

fn pass(
    stream: TcpStream,
    to: u16,
    log: &Mutex<Vec<Asked>>,
    trouble: &Mutex<Option<Trouble>>,
    is_late: &AtomicBool,
) {
    let mut writer = stream.try_clone().expect("cloned");
    let mut first = [0];
    if stream.peek(&mut first).is_ok() && first[0] == 0x16 {
        // A TLS handshake: answered as servers of plain HTTP do.
        let _ = writer.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTPS request\n");
        return;
    }
    let mut reader = BufReader::new(stream);
    let Some(request) = message(&mut reader, false) else { return };
    let mut words = request.head[0].split(' ');
    let (method, path) =
        (words.next().unwrap_or_default().to_string(), words.next().unwrap_or_default().to_string());
    let mut asked = Asked { method, path, status: 0, sent: request.body.len(), received: 0 };
    let trouble = trouble.lock().expect("not poisoned").clone();
    let status = trouble.and_then(|trouble| trouble(&asked));
    let mut refuse = |status: u16, asked: &Asked| {
        log.lock().expect("not poisoned").push(Asked { status, ..asked.clone() });
        let _ = write!(writer, "HTTP/1.1 {status} Trouble\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    };
    if let Some(status) = status.filter(|_| !is_late.load(Ordering::SeqCst)) {
        return refuse(status, &asked);
    }
    let Ok(behind) = TcpStream::connect(("127.0.0.1", to)) else { return };
    let mut out = behind.try_clone().expect("cloned");
    let forward = |message: &Message, out: &mut TcpStream| -> std::io::Result<()> {
        let framing = |line: &&String| {
            let line = line.to_ascii_lowercase();
            !line.starts_with("connection:") && !line.starts_with("transfer-encoding:")
        };
        for line in message.head.iter().filter(framing) {
            write!(out, "{line}\r\n")?;
        }
        write!(out, "connection: close\r\n\r\n")?;
        out.write_all(&message.body)
    };
    if forward(&request, &mut out).is_err() {
        return;
    }
    let is_head = asked.method == "HEAD";
    let Some(mut answer) = message(&mut BufReader::new(behind), is_head) else { return };
    if let Some(status) = status {
        return refuse(status, &asked);
    }
    let chunked =
        answer.head.iter().any(|line| line.to_ascii_lowercase().starts_with("transfer-encoding: chunked"));
    if chunked {
        answer.body = unchunked(&answer.body);
        let length = answer.body.len();
        answer.head.push(format!("content-length: {length}"));
    }
    asked.status = answer.head[0].split(' ').nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    asked.received = answer.body.len();
    // ORDER: before the answer arrives, so that whoever has it finds it in the log.
    log.lock().expect("not poisoned").push(asked);
    let _ = forward(&answer, &mut writer);
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(end) = body.windows(2).position(|pair| pair == b"\r\n") {
        let size = String::from_utf8_lossy(&body[..end]);
        let size = usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16).unwrap_or(0);
        if size == 0 {
            break;
        }
        out.extend_from_slice(&body[end + 2..end + 2 + size]);
        body = &body[end + 2 + size + 2..];
    }
    out
}
