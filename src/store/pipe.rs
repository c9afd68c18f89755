//! Bytes from one thread to another, through a little memory.

use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// LIMIT: bytes that go over at once; small pieces would cost more than they save.
const PIECE: usize = 128 << 10;
/// LIMIT: pieces on their way.
const PIECES: usize = 3;

/// Two ends of a pipe: what is written to one is read from the other.
pub(super) fn pipe() -> (PipeWriter, PipeReader) {
    let (full, pieces) = sync_channel(PIECES);
    let (back, empty) = sync_channel(PIECES + 1);
    let writer = PipeWriter { piece: Vec::new(), full, empty };
    (writer, PipeReader { piece: Vec::new(), at: 0, pieces, back })
}

/// The end that is written to. Fails once nobody reads. Dropped without [`PipeWriter::finish`], what was written last is lost.
pub(super) struct PipeWriter {
    piece: Vec<u8>,
    full: SyncSender<Vec<u8>>,
    empty: Receiver<Vec<u8>>,
}

/// The end that is read from, to its end when the other one is gone.
pub(super) struct PipeReader {
    piece: Vec<u8>,
    at: usize,
    pieces: Receiver<Vec<u8>>,
    back: SyncSender<Vec<u8>>,
}

impl PipeWriter {
    fn send(&mut self) -> io::Result<()> {
        let next = self.empty.try_recv().unwrap_or_else(|_| Vec::with_capacity(PIECE));
        let piece = std::mem::replace(&mut self.piece, next);
        self.full.send(piece).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    /// Hands over what is left.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if self.piece.is_empty() { Ok(()) } else { self.send() }
    }
}

impl PipeReader {
    /// The next piece; none at the end.
    fn next(&mut self) -> Option<&[u8]> {
        let mut piece = std::mem::replace(&mut self.piece, self.pieces.recv().ok()?);
        self.at = 0;
        piece.clear();
        // Who no longer wants it back has ended.
        let _ = self.back.try_send(piece);
        Some(&self.piece)
    }

    /// Writes all that comes to `out`, piece by piece.
    pub(super) fn write_to(mut self, out: &mut impl Write) -> io::Result<()> {
        while let Some(piece) = self.next() {
            out.write_all(piece)?;
        }
        Ok(())
    }
}

impl Write for PipeWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.piece.len() >= PIECE {
            self.send()?;
        }
        let taken = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for PipeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.piece.len() && self.next().is_none() {
            return Ok(0);
        }
        let taken = buffer.len().min(self.piece.len() - self.at);
        buffer[..taken].copy_from_slice(&self.piece[self.at..self.at + taken]);
        self.at += taken;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_written_is_read_in_order_however_much_it_is() {
        for length in [0, 10, PIECE, PIECE * (PIECES + 4) + 7] {
            let bytes: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            let (mut writer, mut reader) = pipe();
            let expected = bytes.clone();
            let reading = std::thread::spawn(move || {
                let mut read = Vec::new();
                reader.read_to_end(&mut read).map(|_| read)
            });
            for piece in bytes.chunks(100_001) {
                writer.write_all(piece).unwrap();
            }
            writer.finish().unwrap();
            assert!(reading.join().unwrap().unwrap() == expected, "{length}");
        }
    }

    #[test]
    fn a_writer_whose_reader_is_gone_is_told() {
        let (mut writer, reader) = pipe();
        drop(reader);
        let error = writer.write_all(&vec![0; 3 * PIECE]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
