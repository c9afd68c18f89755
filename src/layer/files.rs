//! Who gets the bytes of files as an archive is read, beside the list that is made of it.

use crate::tree::Entry;

/// Hears of every regular file of an archive, in its order. Nothing of it may count before the archive has been read to its
/// end and is what it should be; nor is it what the list says of a path, where members replace one another.
pub trait Files: Send + 'static {
    /// A file begins. Its entry has everything but the digest of the content.
    fn begin(&mut self, entry: &Entry);

    /// Its next bytes.
    fn bytes(&mut self, bytes: &[u8]);

    /// It has ended; its bytes begin at `offset` of the tar.
    fn end(&mut self, entry: &Entry, offset: u64);
}

/// Nobody.
pub struct NoFiles;

impl Files for NoFiles {
    fn begin(&mut self, _: &Entry) {}

    fn bytes(&mut self, _: &[u8]) {}

    fn end(&mut self, _: &Entry, _: u64) {}
}

impl<F: Files> Files for Option<F> {
    fn begin(&mut self, entry: &Entry) {
        self.iter_mut().for_each(|files| files.begin(entry));
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.iter_mut().for_each(|files| files.bytes(bytes));
    }

    fn end(&mut self, entry: &Entry, offset: u64) {
        self.iter_mut().for_each(|files| files.end(entry, offset));
    }
}
