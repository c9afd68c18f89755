//! A layer that comes from elsewhere: one pass over its bytes gives blob, list, and files to whoever takes them.
//!
//! Whoever has the bytes writes them into an [`Incoming`]; they are hashed and kept as they come. A thread beside it
//! decompresses them, reads the tar, and makes the list; where the layer is kept plain, it keeps the tar instead.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::thread::JoinHandle;

use super::blob::{BlobSink, BlobWriter};
use super::error::Error;
use super::layer_record::Layer;
use super::open::Store;
use super::pipe::{PipeReader, PipeWriter, pipe};
use super::remote_layer::{Kept, RemoteLayer};
use crate::layer::{self, Encoding, Files, Limits, Written};
use crate::oci::{Digest, Digesting, Hashing, descriptor_digest};

/// First bytes of a blob by which its encoding is known.
const HEAD: usize = 10;

/// A layer on its way into the store; dropped without [`Incoming::finish`], it leaves nothing.
pub struct Incoming<F: Files> {
    store: Store,
    remote: RemoteLayer,
    digest: Digest,
    /// Where the bytes go as they come.
    taken: Taken,
    head: Vec<u8>,
    reading: Reading<F>,
}

/// What becomes of the bytes as they are.
enum Taken {
    /// They are kept.
    Kept(BlobWriter),
    /// They are hashed; the tar in them is kept.
    Hashed(Hashing<io::Sink>),
}

/// What reads the tar.
enum Reading<F> {
    /// Not yet: many layers may wait for their turn to be sent at all.
    Later(Reader<F>),
    Now {
        /// None once the reader has given up; why, it says at the end.
        bytes: Option<PipeWriter>,
        thread: JoinHandle<(Reader<F>, Result<Written, layer::Error>)>,
    },
    Over,
}

struct Reader<F> {
    /// Where the tar is kept.
    plain: Option<BlobSink>,
    files: F,
}

impl<F: Files> Reader<F> {
    fn read(mut self, bytes: PipeReader) -> (Reader<F>, Result<Written, layer::Error>) {
        let limits = Limits::default();
        let written =
            layer::decompress(Box::new(bytes), &limits).map_err(layer::Error::Read).and_then(|tar| {
                let mut tar = Tee { tar, copy: self.plain.as_mut() };
                layer::read_with(&mut tar, &limits, &mut self.files)
            });
        (self, written)
    }
}

/// Keeps a copy of what passes through.
struct Tee<'a> {
    tar: Box<dyn Read + Send + 'a>,
    copy: Option<&'a mut BlobSink>,
}

impl Read for Tee<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.tar.read(buffer)?;
        if let Some(copy) = &mut self.copy {
            copy.write_all(&buffer[..n])?;
        }
        Ok(n)
    }
}

impl<F: Files> Incoming<F> {
    fn start(&mut self) -> io::Result<()> {
        if let Reading::Later(_) = self.reading
            && let Reading::Later(reader) = std::mem::replace(&mut self.reading, Reading::Over)
        {
            let (writer, bytes) = pipe();
            let thread = std::thread::Builder::new().spawn(move || reader.read(bytes))?;
            self.reading = Reading::Now { bytes: Some(writer), thread };
        }
        Ok(())
    }

    /// Verifies the layer, all of whose bytes were written, and stores it. Comes with who saw its files.
    pub fn finish(mut self) -> Result<(Arc<Layer>, F), Error> {
        self.start().map_err(Error::io("start a thread in", self.store.root()))?;
        let Reading::Now { bytes, thread } = std::mem::replace(&mut self.reading, Reading::Over) else {
            return Err(Error::MissingBlob(self.digest));
        };
        // A reader that has given up says why itself.
        let _ = bytes.map(PipeWriter::finish);
        let read = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let (Reader { plain, files }, written) = read;
        let taken = std::mem::replace(&mut self.taken, Taken::Hashed(Hashing::new(io::sink())));
        let (store, digest, remote) = (&self.store, self.digest, &self.remote);
        // ORDER: bytes that are not the blob's are told as that, whatever else is wrong with them.
        let blob = match taken {
            Taken::Kept(blob) => Some(blob.commit(Some((digest, remote.blob.size())))?),
            Taken::Hashed(_) => None,
        };
        let written = written.map_err(|source| match source {
            // A disk that is full has nothing to do with the bytes.
            layer::Error::Read(e) if e.get_ref().is_some_and(|e| e.is::<Error>()) => {
                Error::io_of("write a layer in", store.root(), None, e)
            }
            source => Error::Layer { what: digest.to_string(), source },
        })?;
        let (expected, actual) = (remote.diff_id, written.diff_id);
        if expected != actual {
            return Err(Error::WrongDiffId { blob: digest, expected, actual });
        }
        let layer = match (store.layer(actual)?, blob, plain) {
            (Some(layer), ..) => layer,
            (None, Some(blob), _) => store.put_read(written, blob, layer::sniff(&self.head))?,
            (None, None, plain) => {
                let plain = plain.ok_or(Error::MissingBlob(digest))?;
                let size = plain.commit(&actual.0)?;
                store.put_read(written, (actual.0, size), Encoding::Plain)?
            }
        };
        for place in &remote.places {
            store.note_blob_origin(&digest, actual, place)?;
        }
        Ok((layer, files))
    }
}

impl<F: Files> Write for Incoming<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.start()?;
        match &mut self.taken {
            Taken::Kept(blob) => blob.write_all(bytes)?,
            Taken::Hashed(hashing) => hashing.write_all(bytes)?,
        }
        let missing = HEAD.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..missing]);
        // What comes is taken even if nobody can read it: only all of it tells whether it is what was sent.
        if let Reading::Now { bytes: feed, .. } = &mut self.reading
            && feed.as_mut().is_some_and(|feed| feed.write_all(bytes).is_err())
        {
            *feed = None;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<F: Files> Digesting for Incoming<F> {
    fn digest(&self) -> Digest {
        match &self.taken {
            Taken::Kept(blob) => blob.digest(),
            Taken::Hashed(hashing) => hashing.digest(),
        }
    }
}

impl<F: Files> Drop for Incoming<F> {
    /// What the thread holds is gone when this is.
    fn drop(&mut self) {
        if let Reading::Now { bytes, thread } = std::mem::replace(&mut self.reading, Reading::Over) {
            drop(bytes);
            let _ = thread.join();
        }
    }
}

impl Store {
    /// Begins to take in the layer `remote`, whose compressed bytes are to be written. `files` sees its files as they come,
    /// before anybody knows whether they are what they should be.
    pub fn incoming<F: Files>(&self, remote: &RemoteLayer, files: F) -> Result<Incoming<F>, Error> {
        let digest = descriptor_digest(&remote.blob).map_err(|_| Error::MissingBlob(remote.diff_id.0))?;
        let (taken, plain) = match remote.kept {
            Kept::AsItComes => (Taken::Kept(self.blob_writer()?), None),
            Kept::Plain { .. } => (Taken::Hashed(Hashing::new(io::sink())), Some(BlobSink::new(self))),
        };
        let reading = Reading::Later(Reader { plain, files });
        Ok(Incoming { store: self.clone(), remote: remote.clone(), digest, taken, head: Vec::new(), reading })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::{Compression, Compressor, NoFiles};
    use crate::oci::{DiffId, MediaType, new_descriptor};
    use crate::store::Options;

    /// A tar of one file, and its blob.
    fn layer(compression: Compression) -> (DiffId, Vec<u8>) {
        let mut tar = vec![0; 512];
        tar[..4].copy_from_slice(b"file");
        tar[100..107].copy_from_slice(b"0000644");
        tar[124..135].copy_from_slice(b"00000000005");
        tar[148..156].copy_from_slice(b"        ");
        tar[156] = b'0';
        let sum: u32 = tar.iter().map(|b| u32::from(*b)).sum();
        tar[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        tar.extend(b"hello");
        tar.resize(4 * 512, 0);
        let mut compressor = Compressor::new(Vec::new(), compression);
        compressor.write_all(&tar).unwrap();
        (DiffId(Digest::of(&tar)), compressor.finish().unwrap())
    }

    fn remote(diff_id: DiffId, blob: &[u8], kept: Kept) -> RemoteLayer {
        let blob = new_descriptor(MediaType::ImageLayerGzip, Digest::of(blob), blob.len() as u64);
        RemoteLayer { diff_id, blob, kept, places: Vec::new() }
    }

    fn take(store: &Store, remote: &RemoteLayer, bytes: &[u8]) -> Result<Arc<Layer>, Error> {
        let mut incoming = store.incoming(remote, NoFiles)?;
        // A reader of tars never sees so little at once.
        bytes.chunks(7).for_each(|piece| incoming.write_all(piece).unwrap());
        Ok(incoming.finish()?.0)
    }

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Options::default()).unwrap();
        (dir, store)
    }

    const PLAIN: Kept = Kept::Plain { tar_size: 4 * 512, made_by: None };

    #[test]
    fn a_layer_is_kept_as_it_comes_or_plain_whatever_its_compression() {
        for compression in
            [Compression::Uncompressed, Compression::Gzip { level: 6 }, Compression::Zstd { level: 3 }]
        {
            let (diff_id, blob) = layer(compression);
            for kept in [Kept::AsItComes, PLAIN] {
                let (_dir, store) = store();
                let layer = take(&store, &remote(diff_id, &blob, kept), &blob).unwrap();
                let expected = if kept == PLAIN { diff_id.0 } else { Digest::of(&blob) };
                assert_eq!((layer.diff_id, layer.blob), (diff_id, expected));
                assert!(store.verify_blob(&layer.blob).unwrap() && store.has_layer(diff_id).unwrap());
                assert_eq!(layer.list().unwrap().entries.len(), 1);
            }
        }
    }

    #[test]
    fn bytes_that_are_not_the_blobs_are_told_as_that_and_leave_nothing() {
        let (diff_id, blob) = layer(Compression::Gzip { level: 6 });
        let remote = remote(diff_id, &blob, Kept::AsItComes);
        let mut flipped = blob.clone();
        flipped[20] ^= 1;
        for bytes in [&b"no tar"[..], b"", &flipped, &blob[..blob.len() - 1]] {
            let (dir, store) = store();
            assert!(matches!(take(&store, &remote, bytes), Err(Error::Mismatch { .. })), "{bytes:?}");
            assert!(!store.has_layer(diff_id).unwrap());
            assert_eq!(std::fs::read_dir(dir.path().join("blobs/sha256")).unwrap().count(), 0);
        }
    }

    #[test]
    fn another_layer_than_was_promised_is_no_layer() {
        let (diff_id, blob) = layer(Compression::Gzip { level: 6 });
        for kept in [Kept::AsItComes, PLAIN] {
            let (_dir, store) = store();
            let other = remote(DiffId(Digest::of(b"other")), &blob, kept);
            assert!(matches!(take(&store, &other, &blob), Err(Error::WrongDiffId { .. })));
            let broken = b"no tar at all";
            let refused = take(&store, &remote(diff_id, broken, kept), broken);
            assert!(matches!(refused, Err(Error::Layer { .. })), "{refused:?}");
            assert!(!store.has_layer(diff_id).unwrap() && !store.has_layer(other.diff_id).unwrap());
        }
    }
}
