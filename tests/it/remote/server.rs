//! A web server on loopback that answers by a function and remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub query: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// What is answered.
pub struct Answered {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

pub struct Server {
    port: u16,
    log: Arc<Mutex<Vec<Asked>>>,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

impl Answered {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Answered {
        Answered { status, headers: Vec::new(), body: body.into() }
    }

    pub fn header(mut self, name: &str, value: &str) -> Answered {
        self.headers.push((name.to_string(), value.to_string()));
        self
    }
}

impl Server {
    /// Starts one; it ends with the test.
    pub fn start(answer: impl Fn(&Asked) -> Answered + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (of, answer) = (Arc::clone(&log), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (of, answer) = (Arc::clone(&of), Arc::clone(&answer));
                std::thread::spawn(move || {
                    if let Some(asked) = read(&stream) {
                        of.lock().expect("not poisoned").push(asked.clone());
                        write(&stream, &asked, &answer(&asked));
                    }
                });
            }
        });
        Server { port, log }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Everything that was asked since the last time.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.log.lock().expect("not poisoned"))
    }
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_string(), words.next()?.to_string());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_string()));
    }
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let (path, query) = (path.to_string(), query.to_string());
    let mut asked = Asked { method, path, query, headers, body: Vec::new() };
    let length = asked.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    asked.body = body;
    Some(asked)
}

fn write(mut stream: &TcpStream, asked: &Asked, answered: &Answered) {
    let mut head = format!("HTTP/1.1 {} x\r\nconnection: close\r\n", answered.status);
    for (name, value) in &answered.headers {
        head += &format!("{name}: {value}\r\n");
    }
    if answered.status != 304 {
        head += &format!("content-length: {}\r\n", answered.body.len());
    }
    let mut bytes = (head + "\r\n").into_bytes();
    if asked.method != "HEAD" && answered.status != 304 {
        bytes.extend_from_slice(&answered.body);
    }
    // Whoever asked may have seen enough.
    let _ = stream.write_all(&bytes);
}
