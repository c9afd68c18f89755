//! Blobs: any bytes, named by their digest.

use std::fs::File;
use std::io::{self, Read as _, Write};
use std::os::fd::AsFd as _;

use super::disk::TempFile;
use super::error::Error;
use super::healed::ObjectKind;
use super::held::Content;
use super::layout::digest_of;
use super::lease;
use super::open::Store;
use super::process::list;
use super::recover::file_digest;
use crate::oci::{Digest, Digesting, Hasher};
use crate::sys::writeback::begin_writeback;

/// A blob in the making; dropped without [`BlobWriter::commit`], it leaves nothing.
pub struct BlobWriter {
    sink: BlobSink,
    hasher: Hasher,
}

/// A blob whose digest somebody else computes.
pub(super) struct BlobSink {
    store: Store,
    /// Once there is more than the buffer takes.
    temp: Option<TempFile>,
    buffer: Vec<u8>,
    size: u64,
    /// Bytes that are in the file, and of those, how many are on their way to the disk.
    written: u64,
    begun: u64,
}

/// LIMIT: bytes of a blob that wait in memory for the disk to be idle: what a build writes is made durable at its end, which
/// would otherwise have to wait for all of it.
const WRITEBACK: u64 = 16 << 20;

/// Bytes that are gathered before they are written.
const BUFFER: usize = 1 << 18;

impl BlobSink {
    pub(super) fn new(store: &Store) -> BlobSink {
        BlobSink { store: store.clone(), temp: None, buffer: Vec::new(), size: 0, written: 0, begun: 0 }
    }

    /// Whether nothing of it is in a file.
    pub(super) fn is_in_memory(&self) -> bool {
        self.temp.is_none()
    }

    fn write_out(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.store.disk.go_on()?;
        let temp = match &mut self.temp {
            Some(temp) => temp,
            none => none.insert(self.store.disk.temp_file().map_err(|e| io::Error::new(kind_of(&e), e))?),
        };
        while !bytes.is_empty() {
            match temp.file.write(bytes) {
                Ok(n) => {
                    bytes = &bytes[n..];
                    self.written += n as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                // Each time something goes: the blob gets its place, or nothing is left that may go.
                Err(e)
                    if e.kind() == io::ErrorKind::StorageFull
                        && self.store.make_room(self.size + bytes.len() as u64) => {}
                Err(e) => {
                    let blobs = self.store.disk.layout.directory("blobs");
                    // The hint must survive whatever the caller wraps around an io::Error.
                    let told = Error::io_of("write a blob in", &blobs, Some(bytes.len() as u64), e);
                    return Err(io::Error::new(kind_of(&told), told));
                }
            }
        }
        if self.written - self.begun >= WRITEBACK && !self.store.disk.unsynced.is_never() {
            begin_writeback(temp.file.as_fd(), self.begun, self.written - self.begun);
            self.begun = self.written;
        }
        Ok(())
    }

    fn write_buffer(&mut self) -> io::Result<()> {
        let buffer = std::mem::take(&mut self.buffer);
        let written = self.write_out(&buffer);
        self.buffer = buffer;
        self.buffer.clear();
        written
    }

    /// Names the blob, whose bytes have that digest.
    pub(super) fn commit(mut self, digest: &Digest) -> Result<u64, Error> {
        let path = self.store.disk.layout.blob(digest);
        self.write_buffer().map_err(Error::io("write", &path))?;
        let disk = &self.store.disk;
        disk.unsynced.count(self.size);
        if let Some(temp) = &mut self.temp {
            disk.publish_blob(temp, digest)?;
        }
        Ok(self.size)
    }

    /// The same a little later, of a blob that is in memory: see [`Store::write_held`].
    pub(super) fn hold(self, digest: &Digest) {
        let disk = &self.store.disk;
        disk.held.push(disk.layout.blob(digest), Content::Blob(*digest, self.buffer));
    }
}

fn kind_of(error: &Error) -> io::ErrorKind {
    match error {
        Error::NoSpace { .. } => io::ErrorKind::StorageFull,
        Error::Io { source, .. } => source.kind(),
        _ => io::ErrorKind::Other,
    }
}

impl Write for BlobSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + bytes.len() > BUFFER {
            self.write_buffer()?;
        }
        if bytes.len() >= BUFFER {
            self.write_out(bytes)?;
        } else {
            self.buffer.extend_from_slice(bytes);
        }
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BlobWriter {
    /// Bytes taken so far.
    pub fn size(&self) -> u64 {
        self.sink.size
    }

    /// An error if whoever writes is to end: for who takes much and writes little.
    pub(super) fn go_on(&self) -> io::Result<()> {
        self.sink.store.disk.go_on()
    }

    /// Gives the blob its name, if it is what was `expected`.
    pub fn commit(self, expected: Option<(Digest, u64)>) -> Result<(Digest, u64), Error> {
        let (actual, actual_size) = (self.hasher.finish(), self.sink.size);
        if let Some((expected, expected_size)) = expected
            && (expected, expected_size) != (actual, actual_size)
        {
            return Err(Error::Mismatch { expected, expected_size, actual, actual_size });
        }
        self.sink.commit(&actual)?;
        Ok((actual, actual_size))
    }
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.sink.write(bytes)?;
        self.hasher.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Digesting for BlobWriter {
    fn digest(&self) -> Digest {
        self.hasher.clone().finish()
    }
}

impl Store {
    /// Starts a blob.
    pub fn blob_writer(&self) -> Result<BlobWriter, Error> {
        Ok(BlobWriter { sink: BlobSink::new(self), hasher: Hasher::new() })
    }

    /// Stores `bytes`.
    pub fn put_blob(&self, bytes: &[u8]) -> Result<Digest, Error> {
        let digest = Digest::of(bytes);
        // What is there stays: a build that changes nothing writes nothing, and so has nothing to make durable.
        if self.verify_blob(&digest)? {
            return Ok(digest);
        }
        let mut writer = self.blob_writer()?;
        writer.write_all(bytes).map_err(Error::io("write a blob in", self.root()))?;
        Ok(writer.commit(None)?.0)
    }

    /// The size of a blob that is here.
    pub fn blob_size(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        self.disk.touch(&self.disk.layout.blob(digest))
    }

    /// Whether this process wrote the blob, and hashed it on the way, since it last made anything durable.
    pub fn has_just_written(&self, digest: &Digest) -> bool {
        self.disk.unsynced.holds(&self.disk.layout.blob(digest))
    }

    /// A blob, unverified: whoever reads it must check the digest, and call [`Store::verify_blob`] if it is wrong.
    pub fn open_blob(&self, digest: &Digest) -> Result<Option<File>, Error> {
        self.disk.open_used(&self.disk.layout.blob(digest))
    }

    /// A whole blob of at most `limit` bytes, verified. A damaged one is dropped and counts as absent.
    pub fn read_blob(&self, digest: &Digest, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let path = self.disk.layout.blob(digest);
        let Some(file) = self.disk.open_used(&path)? else { return Ok(None) };
        let size = file.metadata().map_err(Error::io("look at", &path))?.len();
        if size > limit {
            return Err(Error::TooLarge { what: format!("blob {digest}"), size, limit });
        }
        let mut bytes = Vec::new();
        let reason = match (&file).take(limit + 1).read_to_end(&mut bytes) {
            Ok(_) if Digest::of(&bytes) == *digest => return Ok(Some(bytes)),
            Ok(_) => "its bytes are not those of its digest".to_string(),
            Err(e) => e.to_string(),
        };
        self.disk.heal(ObjectKind::Blob, &path, &file, reason)?;
        Ok(None)
    }

    /// Blobs of at most `limit` bytes that begin as a JSON object does: documents, and not layers.
    pub fn json_blobs(&self, limit: u64) -> Result<Vec<Digest>, Error> {
        let mut found = Vec::new();
        for entry in list(&self.disk.layout.directory("blobs/sha256"))? {
            let Some(digest) = digest_of(&entry.file_name()) else { continue };
            let mut first = [0];
            let begins = File::open(entry.path()).and_then(|mut file| {
                let is_small = file.metadata()?.len() <= limit;
                Ok(is_small && file.read(&mut first)? == 1 && first == *b"{")
            });
            // What vanishes meanwhile is left out.
            if begins.is_ok_and(|begins| begins) {
                found.push(digest);
            }
        }
        found.sort();
        Ok(found)
    }

    /// Removes a blob that nothing needs any more; whether there was one. It stays while a build is running, which may use
    /// it.
    pub fn remove_blob(&self, digest: &Digest) -> Result<bool, Error> {
        let (_, is_live) = lease::oldest(&self.disk)?;
        if is_live {
            return Ok(false);
        }
        let _removing = self.disk.removing()?;
        self.disk.remove(&self.disk.layout.blob(digest))
    }

    /// Reads a blob through; false if it is not here, or damaged and so dropped.
    pub fn verify_blob(&self, digest: &Digest) -> Result<bool, Error> {
        let path = self.disk.layout.blob(digest);
        let Some(file) = self.disk.open_used(&path)? else { return Ok(false) };
        if file_digest(&file) == Some(*digest) {
            return Ok(true);
        }
        self.disk.heal(ObjectKind::Blob, &path, &file, "its bytes are not those of its digest")?;
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Options;

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Options::default()).unwrap();
        (dir, store)
    }

    #[test]
    fn a_blob_is_found_by_its_digest_and_large_ones_survive_buffering() {
        let (_dir, store) = store();
        let bytes: Vec<u8> = (0..BUFFER as u32 * 3 + 5).map(|n| (n % 251) as u8).collect();
        let mut writer = store.blob_writer().unwrap();
        for part in [&bytes[..10], &bytes[10..BUFFER + 20], &bytes[BUFFER + 20..]] {
            writer.write_all(part).unwrap();
        }
        let (digest, size) = writer.commit(Some((Digest::of(&bytes), bytes.len() as u64))).unwrap();
        assert_eq!(store.blob_size(&digest).unwrap(), Some(size));
        assert_eq!(store.read_blob(&digest, size).unwrap(), Some(bytes));
        assert!(matches!(store.read_blob(&digest, 9), Err(Error::TooLarge { .. })));
    }

    #[test]
    fn bytes_that_are_not_what_was_expected_leave_nothing() {
        let (_dir, store) = store();
        let mut writer = store.blob_writer().unwrap();
        writer.write_all(b"evil").unwrap();
        let expected = (Digest::of(b"good"), 4);
        assert!(matches!(writer.commit(Some(expected)), Err(Error::Mismatch { .. })));
        let mut writer = store.blob_writer().unwrap();
        writer.write_all(b"good").unwrap();
        assert!(matches!(writer.commit(Some((Digest::of(b"good"), 5))), Err(Error::Mismatch { .. })));
        assert_eq!(std::fs::read_dir(store.root().join("blobs/sha256")).unwrap().count(), 0);
        assert_eq!(std::fs::read_dir(store.disk.process.dir()).unwrap().count(), 1, "only the lock");
    }

    #[test]
    fn a_damaged_blob_counts_as_absent_and_is_replaced_when_written_again() {
        let (_dir, store) = store();
        let digest = store.put_blob(b"hello").unwrap();
        let path = store.disk.layout.blob(&digest);
        std::fs::write(&path, b"hellp").unwrap();
        assert_eq!(store.put_blob(b"hello").unwrap(), digest);
        assert_eq!(store.take_healed().len(), 1);
        assert_eq!(store.read_blob(&digest, 10).unwrap(), Some(b"hello".to_vec()));
        std::fs::write(&path, b"").unwrap();
        assert_eq!(store.read_blob(&digest, 10).unwrap(), None);
        assert_eq!(store.take_healed().len(), 1);
        assert!(!path.exists());
    }

    #[test]
    fn what_a_sync_of_the_file_system_wrote_is_what_was_there_when_it_began() {
        use std::os::unix::fs::MetadataExt;
        let (_dir, store) = store();
        let device = std::fs::metadata(store.root()).unwrap().dev();
        let before = store.put_blob(b"before").unwrap();
        let moment = store.now();
        let after = store.put_blob(b"after").unwrap();
        let waits = || [&before, &after].map(|digest| store.has_just_written(digest));
        store.written(moment, device + 1);
        assert_eq!(waits(), [true, true], "another file system");
        store.written(moment, device);
        assert_eq!(waits(), [false, true]);
        store.sync().unwrap();
        assert_eq!(waits(), [false, false]);
        // A moment of before a sync says nothing of what is written after it.
        let later = store.put_blob(b"later").unwrap();
        store.written(moment, device);
        assert!(store.has_just_written(&later));
    }
}
