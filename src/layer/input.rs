//! An untrusted tar as a stream of bytes, each hashed and counted once.

use std::io::{ErrorKind, Read};

use super::error::Error;
use super::header::BLOCK;
use crate::oci::{Digest, Hasher};

/// LIMIT: bytes read and hashed at once.
const BUFFER: usize = 256 << 10;

/// The bytes of a tar, with how many there may be.
pub struct Input<'a> {
    tar: &'a mut dyn Read,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes handed out.
    offset: u64,
    limit: u64,
    hasher: Hasher,
}

impl<'a> Input<'a> {
    pub fn new(tar: &'a mut dyn Read, limit: u64) -> Input<'a> {
        Input { tar, buffer: vec![0; BUFFER], start: 0, end: 0, offset: 0, limit, hasher: Hasher::new() }
    }

    /// Where in the tar the next byte is.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    pub fn damaged(&self, reason: &'static str) -> Error {
        Error::Damaged { offset: self.offset, reason }
    }

    /// The next bytes, at most `most` of them; none at the end.
    fn next(&mut self, most: u64) -> Result<&[u8], Error> {
        if self.start == self.end {
            self.fill()?;
        }
        let length = most.min((self.end - self.start) as u64) as usize;
        let bytes = &self.buffer[self.start..self.start + length];
        self.start += length;
        self.offset += length as u64;
        Ok(bytes)
    }

    /// Fills the buffer as far as possible: hashing large pieces is what makes it fast.
    fn fill(&mut self) -> Result<(), Error> {
        (self.start, self.end) = (0, 0);
        while self.end < BUFFER {
            match self.tar.read(&mut self.buffer[self.end..]) {
                Ok(0) => break,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::Read(error)),
            }
        }
        if self.offset + self.end as u64 > self.limit {
            return Err(Error::Limit { what: "bytes", limit: self.limit });
        }
        self.hasher.update(&self.buffer[..self.end]);
        Ok(())
    }

    /// The next block; none at the end.
    pub fn block(&mut self) -> Result<Option<[u8; BLOCK]>, Error> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            let bytes = self.next((BLOCK - filled) as u64)?;
            if bytes.is_empty() {
                return if filled == 0 { Ok(None) } else { Err(self.damaged("it is cut off")) };
            }
            block[filled..filled + bytes.len()].copy_from_slice(bytes);
            filled += bytes.len();
        }
        Ok(Some(block))
    }

    /// Hands the next `size` bytes to `f`, piece by piece, and passes over what fills the last block.
    pub fn content(&mut self, size: u64, f: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        let padded = size.checked_next_multiple_of(BLOCK as u64).filter(|padded| *padded <= self.limit);
        let Some(padded) = padded else { return Err(Error::Limit { what: "bytes", limit: self.limit }) };
        let mut rest = padded;
        while rest > 0 {
            let past = padded - rest;
            let bytes = self.next(rest)?;
            if bytes.is_empty() {
                // COMPAT: umoci and other careless writers end with the last byte of the last file; Go's reader lets them.
                return if past == size { Ok(()) } else { Err(self.damaged("it is cut off")) };
            }
            let wanted = size.saturating_sub(past).min(bytes.len() as u64) as usize;
            if wanted > 0 {
                f(&bytes[..wanted]);
            }
            rest -= bytes.len() as u64;
        }
        Ok(())
    }

    /// Reads what is left, whatever it is, and ends.
    pub fn finish(mut self) -> Result<(Digest, u64), Error> {
        while !self.next(u64::MAX)?.is_empty() {}
        Ok((self.hasher.finish(), self.offset))
    }
}
