//! One digest for many entries.

use std::borrow::Borrow;

use super::entry::{Entry, Kind, Time};
use crate::oci::{Digest, Hasher};

/// The digest of `entries`, in the order given: every field of each, with its length before whatever has one.
pub fn entries_digest<E: Borrow<Entry>>(entries: impl Iterator<Item = E>) -> Digest {
    let mut hasher = Hasher::new();
    let mut bytes = Vec::with_capacity(1 << 16);
    for entry in entries {
        append(&mut bytes, entry.borrow());
        // Hashing in large pieces is what makes it fast.
        if bytes.len() >= 1 << 15 {
            hasher.update(&bytes);
            bytes.clear();
        }
    }
    hasher.update(&bytes);
    hasher.finish()
}

fn append(out: &mut Vec<u8>, entry: &Entry) {
    // Taken apart by name, so that a new field does not compile until it is in here. ORDER: keys hang on it.
    let Entry { path, kind, mode, uid, gid, mtime: Time { seconds, nanoseconds }, xattrs } = entry;
    bytes(out, path.as_bytes());
    match kind {
        Kind::File { size, digest } => {
            out.push(b'f');
            out.extend(size.to_be_bytes());
            out.extend(digest.as_bytes());
        }
        Kind::Directory => out.push(b'd'),
        Kind::Symlink(target) => {
            out.push(b'l');
            bytes(out, target);
        }
        Kind::Hardlink(target) => {
            out.push(b'h');
            bytes(out, target.as_bytes());
        }
        Kind::CharDevice { major, minor } => {
            out.push(b'c');
            out.extend(major.to_be_bytes());
            out.extend(minor.to_be_bytes());
        }
        Kind::BlockDevice { major, minor } => {
            out.push(b'b');
            out.extend(major.to_be_bytes());
            out.extend(minor.to_be_bytes());
        }
        Kind::Fifo => out.push(b'p'),
        Kind::Whiteout => out.push(b'w'),
        Kind::OpaqueDirectory => out.push(b'o'),
    }
    for number in [mode, uid, gid, nanoseconds] {
        out.extend(number.to_be_bytes());
    }
    out.extend(seconds.to_be_bytes());
    out.extend((xattrs.len() as u64).to_be_bytes());
    for (name, value) in xattrs {
        bytes(out, name);
        bytes(out, value);
    }
}

fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u64).to_be_bytes());
    out.extend(bytes);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::tree::RootPath;

    #[test]
    fn every_field_moves_the_digest() {
        let base = Entry::directory(RootPath::clean("a").unwrap(), Time::default());
        let file = |size, text: &[u8]| Kind::File { size, digest: Digest::of(text) };
        let link = |text: &str| Kind::Hardlink(RootPath::clean(text).unwrap());
        let kinds = [
            Kind::Symlink(b"x".to_vec()),
            Kind::Symlink(b"y".to_vec()),
            link("x"),
            link("y"),
            file(1, b"a"),
            file(2, b"a"),
            file(1, b"b"),
            Kind::CharDevice { major: 1, minor: 2 },
            Kind::BlockDevice { major: 1, minor: 2 },
            Kind::CharDevice { major: 2, minor: 1 },
            Kind::Fifo,
            Kind::Whiteout,
            Kind::OpaqueDirectory,
        ];
        let xattrs = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(k, v)| (k.as_bytes().to_vec(), v.as_bytes().to_vec()))
                .collect::<BTreeMap<_, _>>()
        };
        let mut entries: Vec<Entry> = kinds.map(|kind| Entry { kind, ..base.clone() }).into();
        entries.push(Entry { path: RootPath::clean("b").unwrap(), ..base.clone() });
        entries.push(Entry { mode: 0o700, ..base.clone() });
        entries.push(Entry { uid: 1, ..base.clone() });
        entries.push(Entry { gid: 1, ..base.clone() });
        entries.push(Entry { mtime: Time::from_seconds(1), ..base.clone() });
        entries.push(Entry { mtime: Time { seconds: 0, nanoseconds: 1 }, ..base.clone() });
        entries.push(Entry { xattrs: xattrs(&[("ab", "c")]), ..base.clone() });
        entries.push(Entry { xattrs: xattrs(&[("a", "bc")]), ..base.clone() });
        entries.push(base);
        let mut digests: Vec<Digest> = entries.iter().map(|e| entries_digest([e].into_iter())).collect();
        digests.sort();
        digests.dedup();
        assert_eq!(digests.len(), entries.len());
    }

    #[test]
    fn the_order_moves_the_digest() {
        let [a, b] = ["a", "b"].map(|p| Entry::directory(RootPath::clean(p).unwrap(), Time::default()));
        assert_ne!(entries_digest([&a, &b].into_iter()), entries_digest([&b, &a].into_iter()));
    }
}
