//! Gzip in blocks: independent members of one stream, compressed in parallel.
//!
//! SPEC: RFC 1952, section 2.2: members follow one another, and a reader takes them as one. Each member is made by a
//! *fresh* compressor from one block of fixed size, so its bytes are a function of that block and the level alone.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::time::Duration;

/// ORDER: the size of a block is in every compressed byte after it.
const BLOCK: usize = 1 << 20;

/// Compresses what is written to it, block by block.
pub struct GzipBlocks<W> {
    out: W,
    level: u32,
    block: Vec<u8>,
    members: u64,
    /// Members in the making, in order. LIMIT: two for each thread, which bounds the memory.
    pending: VecDeque<Receiver<Member>>,
    /// Buffers to use again.
    spare: Vec<Vec<u8>>,
}

/// A compressed block, and the buffer that it was made from.
type Member = (Vec<u8>, Vec<u8>);

impl<W: Write> GzipBlocks<W> {
    pub fn new(out: W, level: u32) -> GzipBlocks<W> {
        GzipBlocks { out, level, block: Vec::new(), members: 0, pending: VecDeque::new(), spare: Vec::new() }
    }

    pub fn finish(mut self) -> io::Result<W> {
        // Nothing at all is still a gzip stream.
        if !self.block.is_empty() || self.members == 0 {
            self.start()?;
        }
        while !self.pending.is_empty() {
            self.collect()?;
        }
        Ok(self.out)
    }

    /// Hands the block to the pool.
    fn start(&mut self) -> io::Result<()> {
        if self.pending.len() >= 2 * rayon::current_num_threads() {
            self.collect()?;
        }
        let block = std::mem::replace(&mut self.block, self.spare.pop().unwrap_or_default());
        let level = self.level;
        let (send, receive) = sync_channel(1);
        // A writer that was dropped no longer wants the member.
        rayon::spawn(move || drop(send.send((member(&block, level), block))));
        self.pending.push_back(receive);
        self.members += 1;
        Ok(())
    }

    /// Writes the oldest member.
    fn collect(&mut self) -> io::Result<()> {
        let Some(receive) = self.pending.pop_front() else { return Ok(()) };
        let (member, mut block) = wait(&receive)?;
        self.out.write_all(&member)?;
        block.clear();
        self.spare.push(block);
        Ok(())
    }
}

impl<W: Write> Write for GzipBlocks<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.block.len() == BLOCK {
            self.start()?;
        }
        if self.block.capacity() == 0 {
            self.block.reserve_exact(BLOCK);
        }
        let taken = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&bytes[..taken]);
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

fn member(block: &[u8], level: u32) -> Vec<u8> {
    // 0 to 9 are levels of libdeflate's.
    let level = libdeflater::CompressionLvl::new(level.min(9) as i32).unwrap_or_default();
    let mut compressor = libdeflater::Compressor::new(level);
    // ORDER: magic, deflate, no flags, no time, no extra flags, unknown system.
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let start = out.len();
    out.resize(start + compressor.deflate_compress_bound(block.len()), 0);
    let length = compressor
        .deflate_compress(block, &mut out[start..])
        .expect("the bound is what the library asked for");
    out.truncate(start + length);
    out.extend(libdeflater::crc32(block).to_le_bytes());
    out.extend((block.len() as u32).to_le_bytes());
    out
}
