//! The bytes of chosen files of a tar, in one pass.

use std::io::{self, Read};

use super::error::Error;
use super::list::LayerList;
use crate::tree::Kind;

/// Hands the bytes of the `wanted` entries (positions in `list`, in any order) to `visitor`, each once, in the order in
/// which they stand in the tar. What the visitor leaves of a file is skipped; empty files are visited too; what is no
/// regular file is not. A tar that ends too early is an error, never a short file.
pub fn visit(
    tar: &mut dyn Read,
    list: &LayerList,
    wanted: &[usize],
    visitor: &mut dyn FnMut(usize, &mut dyn Read) -> io::Result<()>,
) -> Result<(), Error> {
    let mut order: Vec<(u64, usize, u64)> = wanted
        .iter()
        .filter_map(|at| match list.entries.get(*at)?.kind {
            Kind::File { size, .. } => Some((list.offsets[*at], *at, size)),
            _ => None,
        })
        .collect();
    order.sort_unstable();
    order.dedup();
    let mut scratch = vec![0; 64 << 10];
    let mut position = 0;
    for (offset, at, size) in order {
        let Some(gap) = offset.checked_sub(position) else {
            return Err(Error::List("two files lie over one another"));
        };
        Part { tar: &mut *tar, rest: gap }.skip(&mut scratch).map_err(Error::Read)?;
        let mut part = Part { tar: &mut *tar, rest: size };
        let path = &list.entries[at].path;
        visitor(at, &mut part).map_err(|source| Error::Content { path: path.clone(), source })?;
        part.skip(&mut scratch).map_err(Error::Read)?;
        position = offset.saturating_add(size);
    }
    Ok(())
}

/// So many bytes of a tar.
struct Part<'a> {
    tar: &'a mut dyn Read,
    rest: u64,
}

impl Part<'_> {
    fn skip(&mut self, scratch: &mut [u8]) -> io::Result<()> {
        // It never ends before its last byte without an error.
        while self.read(scratch)? > 0 {}
        Ok(())
    }
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.rest.min(buffer.len() as u64) as usize;
        if most == 0 {
            return Ok(0);
        }
        loop {
            match self.tar.read(&mut buffer[..most]) {
                Ok(0) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the tar is cut off")),
                Ok(read) => {
                    self.rest -= read as u64;
                    return Ok(read);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
