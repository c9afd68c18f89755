//! What a process writes: shown as it comes, kept whole on disk, and its last lines for the error.

use std::io::Write;
use std::path::PathBuf;

use crate::progress::{Event, Sink, StepNumber, Stream};
use crate::store::LogWriter;

/// LIMIT: bytes kept for the error message; the rest is in the log.
const TAIL: usize = 64 * 1024;

/// The output of one process.
pub(super) struct Logged<'a> {
    sink: &'a dyn Sink,
    step: StepNumber,
    log: Option<LogWriter>,
    tail: Vec<u8>,
}

impl<'a> Logged<'a> {
    pub fn new(sink: &'a dyn Sink, step: StepNumber, log: LogWriter) -> Logged<'a> {
        Logged { sink, step, log: Some(log), tail: Vec::new() }
    }

    /// Takes bytes as they were read.
    pub fn write(&mut self, stream: crate::sandbox::Stream, bytes: &[u8]) {
        if let Some(log) = &mut self.log
            && log.write_all(bytes).is_err()
        {
            // A full disk will end the step by itself; a log that cannot be written must not.
            self.log = None;
        }
        self.tail.extend_from_slice(bytes);
        if self.tail.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
        let stream = match stream {
            crate::sandbox::Stream::Out => Stream::Stdout,
            crate::sandbox::Stream::Err => Stream::Stderr,
        };
        self.sink.send(Event::Output { step: self.step, stream, bytes: bytes.to_vec() });
    }

    /// The last bytes, and where the whole log is.
    pub fn finish(self) -> (Vec<u8>, Option<PathBuf>) {
        (self.tail, self.log.and_then(|log| log.finish().ok().flatten()))
    }
}
