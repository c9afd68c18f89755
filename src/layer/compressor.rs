//! Bytes to a compressed blob, the same for any number of threads.

use std::io::{self, Write};

use super::compression::Compression;
use super::gzip::GzipBlocks;

/// LIMIT: bytes that one zstd worker takes at a time. ORDER: it is in every byte after it.
const ZSTD_JOB: u32 = 8 << 20;

/// Compresses what is written to it; the bytes do not depend on the number of threads, nor on how writes are cut.
/// Flushing does nothing.
pub struct Compressor<W: Write + Send> {
    state: State<W>,
}

enum State<W: Write + Send> {
    Plain(W),
    Gzip(GzipBlocks<W>),
    Zstd(Box<zstd::Encoder<'static, W>>),
    /// The encoder could not be made; the first write says so.
    Failed(Option<io::Error>),
}

impl<W: Write + Send> Compressor<W> {
    /// A compressor into `out`.
    pub fn new(out: W, compression: Compression) -> Compressor<W> {
        let state = match compression {
            Compression::Uncompressed => State::Plain(out),
            Compression::Gzip { level } => State::Gzip(GzipBlocks::new(out, level)),
            Compression::Zstd { level } => match zstd_encoder(out, level) {
                Ok(encoder) => State::Zstd(Box::new(encoder)),
                Err(error) => State::Failed(Some(error)),
            },
        };
        Compressor { state }
    }

    /// Writes what is left and gives `out` back.
    pub fn finish(self) -> io::Result<W> {
        match self.state {
            State::Plain(out) => Ok(out),
            State::Gzip(blocks) => blocks.finish(),
            State::Zstd(encoder) => encoder.finish(),
            State::Failed(error) => Err(failure(error)),
        }
    }
}

fn failure(error: Option<io::Error>) -> io::Error {
    error.unwrap_or_else(|| io::Error::other("the compressor has failed before"))
}

/// Always with workers, even one: zstd without any writes other bytes. No content size: it is not known beforehand, and
/// must not be there only when it happens to be.
fn zstd_encoder<W: Write>(out: W, level: i32) -> io::Result<zstd::Encoder<'static, W>> {
    let mut encoder = zstd::Encoder::new(out, level.clamp(1, 22))?;
    encoder
        .set_parameter(zstd::zstd_safe::CParameter::NbWorkers(rayon::current_num_threads().max(1) as u32))?;
    encoder.set_parameter(zstd::zstd_safe::CParameter::JobSize(ZSTD_JOB))?;
    encoder.include_checksum(true)?;
    Ok(encoder)
}

impl<W: Write + Send> Write for Compressor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.state {
            State::Plain(out) => out.write(bytes),
            State::Gzip(blocks) => blocks.write(bytes),
            State::Zstd(encoder) => encoder.write(bytes),
            State::Failed(error) => Err(failure(error.take())),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
