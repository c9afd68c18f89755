//! Compressed bytes to plain ones, with limits.

use std::io::{self, BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::limits::Limits;

/// How a stream of bytes is encoded, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// None of the others.
    Plain,
    /// Gzip, of one member or more.
    Gzip,
    /// Zstandard.
    Zstd,
    /// Bzip2.
    Bzip2,
    /// Xz.
    Xz,
}

/// The encoding that `head`, the first bytes of a stream, announces. Ten bytes are enough.
pub fn sniff(head: &[u8]) -> Encoding {
    // A bzip2 stream's first block, or its end if it is empty.
    let bzip2 = |rest: &[u8]| {
        rest.starts_with(&[0x31, 0x41, 0x59, 0x26, 0x53, 0x59])
            || rest.starts_with(&[0x17, 0x72, 0x45, 0x38, 0x50, 0x90])
    };
    match head {
        [0x1f, 0x8b, 8, ..] => Encoding::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Encoding::Zstd,
        [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..] if bzip2(rest) => Encoding::Bzip2,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Encoding::Xz,
        _ => Encoding::Plain,
    }
}

/// The plain bytes of `reader`, whose encoding is found by its first bytes. Streams of several members or frames are read
/// to their end; what grows beyond `limits` is a read error.
pub fn decompress<'a>(
    mut reader: Box<dyn Read + Send + 'a>,
    limits: &Limits,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    let mut head = Vec::new();
    (&mut reader).take(10).read_to_end(&mut head)?;
    let encoding = sniff(&head);
    let taken = Arc::new(AtomicU64::new(0));
    let counted = Counted { inner: Cursor::new(head).chain(reader), taken: taken.clone() };
    let buffered = BufReader::with_capacity(128 << 10, counted);
    let plain: Box<dyn Read + Send + 'a> = match encoding {
        Encoding::Plain => Box::new(buffered),
        // Not `GzDecoder`: it stops after the first member without a word.
        Encoding::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(buffered)),
        Encoding::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(buffered)?;
            decoder.window_log_max(limits.window.max(1 << 10).ilog2())?;
            Box::new(decoder)
        }
        Encoding::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(buffered)),
        Encoding::Xz => {
            let kibibytes = u32::try_from(limits.window >> 10).unwrap_or(u32::MAX);
            Box::new(lzma_rust2::XzReader::new_mem_limit(buffered, true, kibibytes))
        }
    };
    Ok(Box::new(Bounded { plain, taken, given: 0, limits: limits.clone() }))
}

/// Counts the compressed bytes that were taken.
struct Counted<R> {
    inner: R,
    taken: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.taken.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Fails when too much comes out.
struct Bounded<'a> {
    plain: Box<dyn Read + Send + 'a>,
    taken: Arc<AtomicU64>,
    given: u64,
    limits: Limits,
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.plain.read(buffer)?;
        self.given += read as u64;
        let Limits { size, ratio, ratio_from, .. } = self.limits;
        let taken = self.taken.load(Ordering::Relaxed);
        if self.given > size {
            return Err(io::Error::other(format!("more than {size} bytes come out of the compressed data")));
        }
        if self.given > ratio_from && self.given / ratio > taken {
            return Err(io::Error::other(format!(
                "{taken} compressed bytes have become {} already: this looks like a decompression bomb",
                self.given
            )));
        }
        Ok(read)
    }
}
