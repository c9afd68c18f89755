//! A way to a registry on which everything is counted.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Passes connections on to a port of this machine.
pub struct Counting {
    pub port: u16,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    down: AtomicU64,
    requests: Mutex<Vec<String>>,
}

impl Counting {
    pub fn of(upstream: u16) -> Counting {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let seen = Arc::new(Seen::default());
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let (Ok(below), Ok(above)) = (connection, TcpStream::connect(("127.0.0.1", upstream))) else {
                    return;
                };
                let (below2, above2) =
                    (below.try_clone().expect("a socket"), above.try_clone().expect("a socket"));
                let (up, down) = (Arc::clone(&shared), Arc::clone(&shared));
                std::thread::spawn(move || pass(below, above, |bytes| up.requested(bytes)));
                std::thread::spawn(move || {
                    pass(above2, below2, |bytes| {
                        let _ = down.down.fetch_add(bytes.len() as u64, Ordering::SeqCst);
                    });
                });
            }
        });
        Counting { port, seen }
    }

    pub fn name(&self, rest: &str) -> String {
        format!("127.0.0.1:{}/{rest}", self.port)
    }

    /// Bytes that came down and requests that went up since the last call.
    pub fn take(&self) -> (u64, Vec<String>) {
        let requests = std::mem::take(&mut *self.seen.requests.lock().expect("not poisoned"));
        (self.seen.down.swap(0, Ordering::SeqCst), requests)
    }
}

impl Seen {
    /// The first line of what begins like a request: headers come in one piece.
    fn requested(&self, bytes: &[u8]) {
        let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        if line.ends_with("HTTP/1.1") {
            let line = line.trim_end_matches(" HTTP/1.1").to_string();
            self.requests.lock().expect("not poisoned").push(line);
        }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, count: impl Fn(&[u8])) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        count(&buffer[..length]);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
