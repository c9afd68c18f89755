//! A socket that stands before an agent's and lets through the two questions that logging in needs.
//!
//! Whoever is behind it can list identities and have something signed. Adding, removing or locking keys, and
//! extensions (of which some load libraries into the agent: CVE-2016-10009, CVE-2023-38408), end here.
//!
//! SPEC: draft-miller-ssh-agent, section 3: a length of four bytes, a kind of one, a body.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// SSH_AGENTC_REQUEST_IDENTITIES
const REQUEST_IDENTITIES: u8 = 11;

/// SSH_AGENTC_SIGN_REQUEST
const SIGN_REQUEST: u8 = 13;

/// An answer of one byte: SSH_AGENT_FAILURE.
const FAILURE: [u8; 5] = [0, 0, 0, 1, 5];

/// LIMIT: OpenSSH's for a message.
const LONGEST: u32 = 256 << 10;

/// LIMIT: more connections than any program makes at once.
const MOST: usize = 64;

/// A filter at work; it ends when it is dropped.
#[derive(Debug)]
pub struct AgentFilter {
    socket: PathBuf,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    ended: AtomicBool,
    open: Mutex<Vec<Option<UnixStream>>>,
}

impl AgentFilter {
    /// Listens at `socket` for questions to the agent at `agent`.
    pub fn start(agent: &Path, socket: &Path) -> io::Result<AgentFilter> {
        // An agent that is not there is known now, not in the middle of a build.
        drop(UnixStream::connect(agent)?);
        let listener = UnixListener::bind(socket)?;
        let state = Arc::new(State::default());
        let (agent, of) = (agent.to_path_buf(), Arc::clone(&state));
        let thread = std::thread::spawn(move || listen(&listener, &agent, &of));
        Ok(AgentFilter { socket: socket.to_path_buf(), state, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }
}

impl Drop for AgentFilter {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::SeqCst);
        for stream in self.state.lock().iter().flatten() {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
        // The listener waits for somebody to come.
        let woken = UnixStream::connect(&self.socket).is_ok();
        let _ = std::fs::remove_file(&self.socket);
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

impl State {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Option<UnixStream>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a connection, so that it can be ended; none if there are too many.
    fn enter(&self, stream: &UnixStream) -> Option<usize> {
        let mut open = self.lock();
        let copy = stream.try_clone().ok()?;
        if let Some(free) = open.iter().position(Option::is_none) {
            open[free] = Some(copy);
            return Some(free);
        }
        if open.len() >= MOST {
            return None;
        }
        open.push(Some(copy));
        Some(open.len() - 1)
    }
}

fn listen(listener: &UnixListener, agent: &Path, state: &Arc<State>) {
    for stream in listener.incoming() {
        if state.ended.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let Some(place) = state.enter(&stream) else { continue };
        let (agent, of) = (agent.to_path_buf(), Arc::clone(state));
        std::thread::spawn(move || {
            // Whoever asked sees the end of the connection.
            let _ = serve(stream, &agent);
            of.lock()[place] = None;
        });
    }
}

/// Passes questions on until one side ends.
fn serve(mut client: UnixStream, agent: &Path) -> io::Result<()> {
    let mut server = UnixStream::connect(agent)?;
    loop {
        let question = message(&mut client)?;
        match question.get(4) {
            Some(&(REQUEST_IDENTITIES | SIGN_REQUEST)) => {
                server.write_all(&question)?;
                let answer = message(&mut server)?;
                client.write_all(&answer)?;
            }
            _ => client.write_all(&FAILURE)?,
        }
    }
}

/// One message with its length.
fn message(from: &mut UnixStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let size = u32::from_be_bytes(length);
    if size == 0 || size > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "no message of an agent"));
    }
    let mut whole = length.to_vec();
    from.take(u64::from(size)).read_to_end(&mut whole)?;
    if whole.len() as u64 != u64::from(size) + 4 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An agent that answers every message with its own kind and a `!`.
    fn echo(socket: &Path) {
        let listener = UnixListener::bind(socket).expect("a socket");
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                std::thread::spawn(move || {
                    while let Ok(question) = message(&mut stream) {
                        let _ = stream.write_all(&[0, 0, 0, 2, question[4], b'!']);
                    }
                });
            }
        });
    }

    #[test]
    fn cve_2023_38408_only_identities_and_signatures_reach_the_agent() {
        let directory = tempfile::tempdir().expect("a directory");
        let agent = directory.path().join("agent");
        echo(&agent);
        let filter = AgentFilter::start(&agent, &directory.path().join("filter")).expect("it listens");
        let mut client = UnixStream::connect(filter.socket()).expect("a connection");
        for kind in 0..=255u8 {
            client.write_all(&[0, 0, 0, 3, kind, 1, 2]).expect("asked");
            let answer = message(&mut client).expect("answered");
            match kind {
                11 | 13 => assert_eq!(answer[4..], [kind, b'!']),
                _ => assert_eq!(answer, FAILURE, "{kind}"),
            }
        }
        client.write_all(&[0xff, 0xff, 0xff, 0xff, 11]).expect("asked");
        assert!(message(&mut client).is_err(), "a message without measure ends the connection");
    }

    #[test]
    fn a_filter_that_ends_takes_its_socket_and_its_connections_along() {
        let directory = tempfile::tempdir().expect("a directory");
        let agent = directory.path().join("agent");
        echo(&agent);
        let socket = directory.path().join("filter");
        let filter = AgentFilter::start(&agent, &socket).expect("it listens");
        let mut client = UnixStream::connect(&socket).expect("a connection");
        client.write_all(&[0, 0, 0, 1, 11]).expect("asked");
        message(&mut client).expect("answered");
        drop(filter);
        assert!(!socket.exists());
        assert!(message(&mut client).is_err());
        assert!(AgentFilter::start(&directory.path().join("none"), &socket).is_err());
    }
}
