//! What is sent: bytes that can be read from any place and any number of times, so that a failure costs no more than what
//! the server lost.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::failure::{Failure, FailureKind};

/// Bytes that stay the same.
pub trait Source: Send + Sync {
    /// Reads some of the bytes at `at`; none only at the end.
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize>;
}

impl Source for File {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, at)
    }
}

impl Source for Vec<u8> {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let rest = usize::try_from(at).ok().and_then(|at| self.get(at..)).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

/// A part of a source: the body of one request.
#[derive(Clone)]
pub struct Part {
    /// Of what.
    pub source: Arc<dyn Source>,
    /// Its first byte.
    pub from: u64,
    /// The byte after its last one.
    pub to: u64,
}

impl Part {
    /// How many bytes it has.
    pub fn size(&self) -> u64 {
        self.to - self.from
    }

    /// Its bytes, once more from the first. A source that ends too early is an error with a [`Failure`] in it.
    pub fn reader(&self) -> PartReader {
        PartReader(self.clone())
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Part({}..{})", self.from, self.to)
    }
}

/// Reads a part.
#[derive(Debug)]
pub struct PartReader(Part);

impl Read for PartReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Part { source, from, to } = &mut self.0;
        let most = usize::try_from(*to - *from).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let failed = |why: String| {
            Failure::new(FailureKind::Protocol, format!("what is to be sent cannot be read: {why}"))
                .into_read_error()
        };
        match source.read_at(&mut buffer[..most], *from) {
            Ok(0) => Err(failed(format!("it ends at byte {from} of {to}"))),
            Ok(count) => {
                *from += count as u64;
                Ok(count)
            }
            Err(error) => Err(failed(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_read_as_often_as_one_likes_and_a_short_source_is_told() {
        let source: Arc<dyn Source> = Arc::new(b"0123456789".to_vec());
        let part = Part { source: source.clone(), from: 3, to: 7 };
        for _ in 0..2 {
            let mut bytes = Vec::new();
            part.reader().read_to_end(&mut bytes).expect("reads");
            assert_eq!(bytes, b"3456");
        }
        let long = Part { source, from: 8, to: 12 };
        let error = long.reader().read_to_end(&mut Vec::new()).expect_err("two bytes are missing");
        assert_eq!(Failure::of_read(&error).kind, FailureKind::Protocol);
    }
}
