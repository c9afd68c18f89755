//! Compression in blocks: independent members (gzip) or frames (zstd) of one stream, made in parallel.
//!
//! SPEC: RFC 1952, section 2.2, and RFC 8878, section 3: members and frames follow one another, and a reader takes them as
//! one. Each is made by a *fresh* compressor from one block of fixed size, so its bytes are a function of that block and
//! the level alone.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::time::Duration;

/// Makes one member or frame of one block.
#[derive(Clone, Copy, Debug)]
pub struct Coder {
    /// Bytes of a block. ORDER: it is in every compressed byte after it.
    pub block: usize,
    /// Blocks in the making for each thread. Members leave in order, and one of noise is done sooner than one of text: with one
    /// block each, its thread would wait for the other.
    pub each: usize,
    /// The level, as [`Coder::encode`] understands it.
    pub level: i32,
    /// Block and level to the compressed form: the first bytes of the buffer, which is made longer if need be, and how many.
    pub encode: fn(&[u8], i32, &mut Vec<u8>) -> io::Result<usize>,
}

/// LIMIT: bytes of blocks in the making, on a machine of any number of threads.
const PENDING: usize = 64 << 20;

/// Compresses what is written to it, block by block.
pub struct Blocks<W> {
    out: W,
    coder: Coder,
    /// What is filled.
    next: Buffers,
    members: u64,
    /// Members in the making, in order. LIMIT: `most`, which bounds the memory.
    pending: VecDeque<Receiver<Member>>,
    /// To be used again: memory that is new costs as much as to write it twice.
    spare: Vec<Buffers>,
}

/// A block, and room for its compressed form.
#[derive(Default)]
struct Buffers {
    block: Vec<u8>,
    out: Vec<u8>,
}

/// How many bytes of the room are the compressed form.
type Member = (io::Result<usize>, Buffers);

impl<W: Write> Blocks<W> {
    pub fn new(out: W, coder: Coder) -> Blocks<W> {
        Blocks {
            out,
            coder,
            next: Buffers::default(),
            members: 0,
            pending: VecDeque::new(),
            spare: Vec::new(),
        }
    }

    pub fn finish(mut self) -> io::Result<W> {
        // Nothing at all is still a stream.
        if !self.next.block.is_empty() || self.members == 0 {
            self.start()?;
        }
        while !self.pending.is_empty() {
            self.collect()?;
        }
        Ok(self.out)
    }

    /// Blocks in the making at once.
    fn most(&self) -> usize {
        (self.coder.each * rayon::current_num_threads()).min(PENDING / self.coder.block).max(1)
    }

    /// Hands the block to the pool.
    fn start(&mut self) -> io::Result<()> {
        if self.pending.len() >= self.most() {
            self.collect()?;
        }
        let mut buffers = std::mem::replace(&mut self.next, self.spare.pop().unwrap_or_default());
        let Coder { level, encode, .. } = self.coder;
        let (send, receive) = sync_channel(1);
        // A writer that was dropped no longer wants the member.
        rayon::spawn(move || {
            let length = encode(&buffers.block, level, &mut buffers.out);
            drop(send.send((length, buffers)));
        });
        self.pending.push_back(receive);
        self.members += 1;
        Ok(())
    }

    /// Writes the oldest member.
    fn collect(&mut self) -> io::Result<()> {
        let Some(receive) = self.pending.pop_front() else { return Ok(()) };
        let (length, mut buffers) = wait(&receive)?;
        self.out.write_all(&buffers.out[..length?])?;
        buffers.block.clear();
        self.spare.push(buffers);
        Ok(())
    }
}

impl<W: Write> Write for Blocks<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.next.block.len() == self.coder.block {
            self.start()?;
        }
        if self.next.block.capacity() == 0 {
            self.next.block.reserve_exact(self.coder.block);
        }
        let taken = bytes.len().min(self.coder.block - self.next.block.len());
        self.next.block.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    /// Nothing: where a block ends must not depend on when somebody flushed.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Waits for a member. A thread of the pool itself works meanwhile: it may be the only one.
fn wait(receive: &Receiver<Member>) -> io::Result<Member> {
    let gone = || io::Error::other("a thread that compresses has died");
    loop {
        match receive.try_recv() {
            Ok(member) => return Ok(member),
            Err(TryRecvError::Disconnected) => return Err(gone()),
            Err(TryRecvError::Empty) => {}
        }
        match rayon::yield_now() {
            Some(rayon::Yield::Executed) => {}
            Some(rayon::Yield::Idle) => match receive.recv_timeout(Duration::from_millis(1)) {
                Ok(member) => return Ok(member),
                Err(RecvTimeoutError::Disconnected) => return Err(gone()),
                Err(RecvTimeoutError::Timeout) => {}
            },
            None => return receive.recv().map_err(|_| gone()),
        }
    }
}
