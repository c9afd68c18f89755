//! Key records: opaque bytes under a step's key.

use super::error::Error;
use super::frame::Kind;
use super::open::Store;
use crate::oci::{DiffId, Digest};

/// What stands before the bytes of a record: the number of layers, and their diff IDs.
pub(super) fn split(payload: &[u8]) -> Option<(Vec<DiffId>, &[u8])> {
    let (count, rest) = payload.split_first_chunk::<4>()?;
    let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
    let (ids, bytes) = rest.split_at_checked(count.checked_mul(32)?)?;
    let ids = ids.chunks_exact(32).filter_map(|id| id.try_into().ok().map(Digest::from_bytes).map(DiffId));
    Some((ids.collect(), bytes))
}

fn join(layers: &[DiffId], bytes: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(4 + layers.len() * 32 + bytes.len());
    payload.extend_from_slice(&(layers.len() as u32).to_le_bytes());
    for layer in layers {
        payload.extend_from_slice(layer.0.as_bytes());
    }
    payload.extend_from_slice(bytes);
    payload
}

impl Store {
    /// What is recorded under `key`.
    pub fn record(&self, key: &Digest) -> Result<Option<Vec<u8>>, Error> {
        let path = self.disk.layout.record(key);
        let name = key.to_string();
        let payload = self.disk.read_framed(Kind::Record, name.as_bytes(), &path)?;
        Ok(payload.and_then(|mut payload| {
            let start = payload.len() - split(&payload)?.1.len();
            payload.drain(..start);
            Some(payload)
        }))
    }

    /// Records `bytes` under `key`, in place of what was there. The record goes when one of `layers` goes.
    pub fn put_record(&self, key: &Digest, bytes: &[u8], layers: &[DiffId]) -> Result<(), Error> {
        let path = self.disk.layout.record(key);
        let name = key.to_string();
        let payload = join(layers, bytes);
        self.with_room(|| self.disk.write_framed(Kind::Record, name.as_bytes(), &path, &payload))
    }

    /// Removes a record: what it says turned out not to hold.
    pub fn remove_record(&self, key: &Digest) -> Result<(), Error> {
        self.disk.remove(&self.disk.layout.record(key)).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_split_as_it_was_joined() {
        let ids = [DiffId(Digest::of(b"a")), DiffId(Digest::of(b"b"))];
        for count in 0..=2 {
            let payload = join(&ids[..count], b"bytes");
            assert_eq!(split(&payload), Some((ids[..count].to_vec(), &b"bytes"[..])));
        }
        assert_eq!(split(b"\xff\xff\xff\xff"), None);
        assert_eq!(split(b"\x01"), None);
    }
}
