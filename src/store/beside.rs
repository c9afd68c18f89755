//! A writer whose work is done by a thread of its own, beside whoever makes the bytes.

use std::io::{self, Write};
use std::thread::JoinHandle;

use super::pipe::{PipeWriter, pipe};

/// LIMIT: bytes that are written before a thread is worth its start.
const FEW: usize = 1 << 20;

/// Hands what is written to `W`: at first itself, from some size on by a thread.
pub(super) struct Beside<W: Write + Send + 'static> {
    state: State<W>,
    written: usize,
}

enum State<W> {
    Here(W),
    There(There<W>),
    /// It has failed and said so.
    Gone,
}

struct There<W> {
    pipe: PipeWriter,
    thread: JoinHandle<io::Result<W>>,
}

impl<W: Write + Send + 'static> Beside<W> {
    pub(super) fn new(out: W) -> Beside<W> {
        Beside { state: State::Here(out), written: 0 }
    }

    /// Waits until all is written.
    pub(super) fn finish(mut self) -> io::Result<W> {
        match std::mem::replace(&mut self.state, State::Gone) {
            State::Here(out) => Ok(out),
            State::There(there) => there.end(),
            State::Gone => Err(gone()),
        }
    }

    fn go(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Gone) {
            State::Here(out) => State::There(There::start(out)),
            other => other,
        };
    }
}

impl<W: Write + Send + 'static> There<W> {
    fn start(mut out: W) -> There<W> {
        let (pipe, reader) = pipe();
        There { pipe, thread: std::thread::spawn(move || reader.write_to(&mut out).map(|()| out)) }
    }

    fn end(self) -> io::Result<W> {
        // A reader that has ended early says why.
        let _ = self.pipe.finish();
        self.thread.join().unwrap_or_else(|_| Err(gone()))
    }
}

fn gone() -> io::Error {
    io::Error::other("the thread that writes has ended")
}

impl<W: Write + Send + 'static> Write for Beside<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.written >= FEW {
            self.go();
        }
        self.written = self.written.saturating_add(bytes.len());
        let sent = match &mut self.state {
            State::Here(out) => return out.write_all(bytes).map(|()| bytes.len()),
            State::There(there) => there.pipe.write_all(bytes).is_ok(),
            State::Gone => return Err(gone()),
        };
        if sent {
            return Ok(bytes.len());
        }
        // The thread has ended early: it says why.
        match std::mem::replace(&mut self.state, State::Gone) {
            State::There(there) => Err(there.end().err().unwrap_or_else(gone)),
            State::Here(_) | State::Gone => Err(gone()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Write + Send + 'static> Drop for Beside<W> {
    /// What the thread holds is gone when this is.
    fn drop(&mut self) {
        if let State::There(there) = std::mem::replace(&mut self.state, State::Gone) {
            let _ = there.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_written_arrives_in_order_however_much_it_is() {
        for length in [0, 10, FEW, 3 * FEW + 7] {
            let bytes: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            let mut beside = Beside::new(Vec::new());
            for piece in bytes.chunks(100_001) {
                beside.write_all(piece).unwrap();
            }
            assert!(beside.finish().unwrap() == bytes, "{length}");
        }
    }

    #[test]
    fn what_fails_beside_fails_the_writer_with_its_own_words() {
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 = self.0.checked_sub(bytes.len()).ok_or(io::Error::other("full"))?;
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut beside = Beside::new(Full(5 << 20));
        let written = (0..100).try_for_each(|_| beside.write_all(&[1; 1 << 20]));
        let error = written.and_then(|()| beside.finish().map(|_| ())).unwrap_err();
        assert_eq!(error.to_string(), "full");
    }
}
