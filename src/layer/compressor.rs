//! Bytes to a compressed blob, the same for any number of threads.

use std::io::{self, Write};

use super::blocks::Blocks;
use super::compression::Compression;
use super::{gzip, zstd_frame};

/// Compresses what is written to it; the bytes do not depend on the number of threads, nor on how writes are cut.
/// Flushing does nothing.
pub struct Compressor<W: Write + Send> {
    state: State<W>,
}

enum State<W: Write + Send> {
    Plain(W),
    Blocks(Blocks<W>),
}

impl<W: Write + Send> Compressor<W> {
    /// A compressor into `out`.
    pub fn new(out: W, compression: Compression) -> Compressor<W> {
        let state = match compression {
            Compression::Uncompressed => State::Plain(out),
            Compression::Gzip { level } => State::Blocks(Blocks::new(out, gzip::coder(level))),
            Compression::Zstd { level } => State::Blocks(Blocks::new(out, zstd_frame::coder(level))),
        };
        Compressor { state }
    }

    /// Writes what is left and gives `out` back.
    pub fn finish(self) -> io::Result<W> {
        match self.state {
            State::Plain(out) => Ok(out),
            State::Blocks(blocks) => blocks.finish(),
        }
    }
}

impl<W: Write + Send> Write for Compressor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.state {
            State::Plain(out) => out.write(bytes),
            State::Blocks(blocks) => blocks.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
