//! Where an image comes from, whatever form it has there.

use std::io::{self, Read, Write};

use super::error::Error;
use crate::image::Document;
use crate::oci::{Descriptor, Digest, Hasher, Reference, descriptor_digest};

/// Something that images can be read from. All bytes that it gives were verified when it returns.
pub(super) trait Origin: Sync {
    /// What messages call it.
    fn place(&self) -> String;

    /// A manifest, index or config.
    fn document(&self, descriptor: &Descriptor) -> Result<Document, Error>;

    /// Whether the bytes of a descriptor are there at all.
    fn has(&self, descriptor: &Descriptor) -> Result<bool, Error>;

    /// Streams a blob to `out`; when it fails, what was written is to be thrown away. `moved` hears of the bytes so far.
    fn blob(&self, descriptor: &Descriptor, out: &mut dyn Write, moved: &dyn Fn(u64)) -> Result<(), Error>;

    /// The repository that it is, if it is one: another one of the same registry can take blobs over from it.
    fn repository(&self) -> Option<&Reference> {
        None
    }

    /// Whether bytes come from far, so that several blobs at once are faster.
    fn is_remote(&self) -> bool {
        false
    }
}

/// Copies what `descriptor` names from `from` to `out`, holding size and digest.
pub(super) fn copy_verified(
    place: &str,
    descriptor: &Descriptor,
    from: &mut dyn Read,
    out: &mut dyn Write,
    moved: &dyn Fn(u64),
) -> Result<(), Error> {
    let digest = descriptor_digest(descriptor)?;
    let damaged = |reason| Error::Damaged { place: place.to_string(), digest, reason };
    let (mut hasher, mut size) = (Hasher::new(), 0_u64);
    let mut buffer = vec![0; 1 << 18];
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(damaged(e.to_string())),
        };
        size += count as u64;
        if size > descriptor.size() {
            return Err(damaged(format!(
                "it has more than the {} bytes that belong there",
                descriptor.size()
            )));
        }
        hasher.update(&buffer[..count]);
        out.write_all(&buffer[..count]).map_err(Error::io("write", "the copy"))?;
        moved(size);
    }
    if size != descriptor.size() {
        return Err(damaged(format!("it has {size} bytes where {} belong", descriptor.size())));
    }
    match hasher.finish() {
        actual if actual == digest => Ok(()),
        actual => Err(damaged(format!("its bytes are those of {actual}"))),
    }
}

/// The digest of everything in `from`.
pub(super) fn digest_of(from: &mut dyn Read) -> io::Result<Digest> {
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(count) => hasher.update(&buffer[..count]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}
