//! The frame around every stored document: it says what it is, and notices by itself that it is damaged.
//!
//! `rbst`, version (1 byte), kind (1 byte), 2 zero bytes, payload length (8 bytes, little-endian), SHA-256 of kind, name
//! and payload (32 bytes), payload. The name is part of the digest, so that a document under a wrong name is damaged too.

use crate::oci::{Digest, Hasher};

const MAGIC: &[u8; 4] = b"rbst";
const VERSION: u8 = 1;

/// Bytes before the payload.
pub const HEADER: usize = 48;

/// The kinds of framed documents. The numbers are part of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A layer record.
    Layer = 1,
    /// An entry list.
    List = 2,
    /// A key record.
    Record = 3,
    /// A name.
    Name = 4,
    /// A stat cache.
    StatCache = 5,
    /// What a cache mount is for.
    CacheMount = 6,
    /// Since when a cache mount saw its files.
    Seen = 7,
    /// The last count of the store's size.
    Usage = 8,
    /// The size of a snapshot.
    SnapshotSize = 9,
}

impl Kind {
    /// The largest payload. LIMIT: ours; a document beyond it is a defect or an attack.
    pub fn limit(self) -> u64 {
        match self {
            Kind::List => 1 << 30,
            Kind::StatCache | Kind::Seen => 1 << 28,
            Kind::Record => 1 << 26,
            Kind::Layer | Kind::Name | Kind::CacheMount | Kind::Usage | Kind::SnapshotSize => 1 << 16,
        }
    }
}

/// The header before `payload`, stored under `name`.
pub fn header(kind: Kind, name: &[u8], payload: &[u8]) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..4].copy_from_slice(MAGIC);
    header[4] = VERSION;
    header[5] = kind as u8;
    header[8..16].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    header[16..].copy_from_slice(digest(kind, name, payload).as_bytes());
    header
}

/// Whether `framed` is as long as it says.
pub fn is_complete(framed: &[u8]) -> bool {
    let length = framed.get(8..16).and_then(|length| length.try_into().ok()).map(u64::from_le_bytes);
    framed.len() >= HEADER && length == Some((framed.len() - HEADER) as u64)
}

/// The payload of `framed`, or what is wrong with it.
pub fn open(kind: Kind, name: &[u8], mut framed: Vec<u8>) -> Result<Vec<u8>, String> {
    if framed.is_empty() {
        return Err("it is empty".to_string());
    }
    if framed.len() < HEADER {
        return Err(format!("it has only {} bytes", framed.len()));
    }
    let (header, payload) = framed.split_at(HEADER);
    if &header[..4] != MAGIC || header[4] != VERSION || header[5] != kind as u8 || header[6..8] != [0, 0] {
        return Err("its header is wrong".to_string());
    }
    if header[8..16] != (payload.len() as u64).to_le_bytes() {
        return Err(format!("its length is wrong: it holds {} bytes", payload.len()));
    }
    if header[16..] != *digest(kind, name, payload).as_bytes() {
        return Err("its digest is wrong".to_string());
    }
    // Moved, not copied: a stat cache has megabytes.
    framed.drain(..HEADER);
    Ok(framed)
}

fn digest(kind: Kind, name: &[u8], payload: &[u8]) -> Digest {
    let mut hasher = Hasher::new();
    hasher.update(&[kind as u8]);
    hasher.update(&(name.len() as u64).to_le_bytes());
    hasher.update(name);
    hasher.update(payload);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(payload: &[u8]) -> Vec<u8> {
        let mut bytes = header(Kind::Record, b"name", payload).to_vec();
        bytes.extend_from_slice(payload);
        bytes
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_is_noticed() {
        let good = framed(b"payload");
        assert_eq!(open(Kind::Record, b"name", good.clone()), Ok(b"payload".to_vec()));
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(open(Kind::Record, b"name", bad).is_err(), "bit {bit}");
        }
        for length in 0..good.len() {
            assert!(open(Kind::Record, b"name", good[..length].to_vec()).is_err(), "{length} bytes");
        }
        assert!(open(Kind::Record, b"name", [good, vec![0]].concat()).is_err());
    }

    #[test]
    fn a_document_under_another_name_or_of_another_kind_is_damaged() {
        assert!(open(Kind::Record, b"other", framed(b"x")).is_err());
        assert!(open(Kind::Name, b"name", framed(b"x")).is_err());
    }
}
