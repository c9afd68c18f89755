//! Hands on what a process writes, until it has ended or is canceled.

use std::os::fd::OwnedFd;

use super::cancel::Cancel;
use super::error::Error;
use crate::sys::rustix::event::{PollFd, PollFlags, poll};
use crate::sys::rustix::io::{Errno, ioctl_fionbio, read};

/// Which of its outputs a process wrote to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

const BUFFER: usize = 64 * 1024;
// LIMIT: after the end nobody writes any more, unless the pipe was passed to a process outside. A pipe holds a megabyte at
// most by default.
const LAST_READS: usize = 32;

/// Returns when the process behind `pidfd` has ended and its output has been handed on.
pub(super) fn pump(
    reading: Option<[OwnedFd; 2]>,
    pidfd: &OwnedFd,
    cancel: &Cancel,
    on_output: &mut dyn FnMut(Stream, &[u8]),
) -> Result<(), Error> {
    let mut pipes = [None, None];
    if let Some([out, err]) = reading {
        pipes = [Some((Stream::Out, out)), Some((Stream::Err, err))];
    }
    for (_, pipe) in pipes.iter().flatten() {
        ioctl_fionbio(pipe, true).map_err(failed)?;
    }
    let mut buffer = vec![0; BUFFER];
    loop {
        let mut fds = vec![PollFd::new(pidfd, PollFlags::IN), PollFd::new(cancel, PollFlags::IN)];
        fds.extend(pipes.iter().flatten().map(|(_, pipe)| PollFd::new(pipe, PollFlags::IN)));
        match poll(&mut fds, None) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(errno) => return Err(failed(errno)),
        }
        let has_ended = !fds[0].revents().is_empty();
        let is_canceled = !fds[1].revents().is_empty();
        for pipe in &mut pipes {
            // One read each in turn, so that neither stream waits for the other; all that is left once nobody writes.
            let rounds = if has_ended { LAST_READS } else { 1 };
            drain(pipe, rounds, &mut buffer, on_output)?;
        }
        if is_canceled {
            return Err(Error::Canceled);
        }
        if has_ended {
            return Ok(());
        }
    }
}

fn drain(
    pipe: &mut Option<(Stream, OwnedFd)>,
    rounds: usize,
    buffer: &mut [u8],
    on_output: &mut dyn FnMut(Stream, &[u8]),
) -> Result<(), Error> {
    for _ in 0..rounds {
        let Some((stream, fd)) = pipe else { return Ok(()) };
        match read(&*fd, &mut *buffer) {
            Ok(0) => *pipe = None,
            Ok(count) => on_output(*stream, buffer.get(..count).unwrap_or_default()),
            Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
            Err(errno) => return Err(failed(errno)),
        }
    }
    Ok(())
}

fn failed(errno: Errno) -> Error {
    Error::Io { doing: "reading the output of the process", source: errno.into() }
}
