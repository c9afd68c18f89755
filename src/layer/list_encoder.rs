//! A list to its stored form.

use super::list_form::{Before, MAGIC, SAME_OWNER, SAME_TIME, XATTRS};
use crate::oci::Digest;
use crate::tree::{Entry, Kind};

/// The stored form of a list in the making: a layer of many entries is never held as entries only to be stored.
#[derive(Debug)]
pub struct ListEncoder {
    /// The magic and the number of entries come into the gap before the entries.
    out: Vec<u8>,
    count: u64,
    path: Vec<u8>,
    before: Before,
}

/// Room for the magic and a number.
const GAP: usize = MAGIC.len() + 10;

impl Default for ListEncoder {
    fn default() -> ListEncoder {
        ListEncoder { out: vec![0; GAP], count: 0, path: Vec::new(), before: Before::default() }
    }
}

impl ListEncoder {
    /// Appends the next entry.
    pub fn push(&mut self, entry: &Entry, offset: u64) {
        let Entry { path, kind, mode, uid, gid, mtime, xattrs } = entry;
        let (out, path) = (&mut self.out, path.as_bytes());
        let shared = path.iter().zip(&self.path).take_while(|(a, b)| a == b).count();
        number(out, shared as u64);
        bytes(out, &path[shared..]);
        let owner = (*mode, *uid, *gid);
        let (same_owner, same_time) = (owner == self.before.owner, *mtime == self.before.mtime);
        let tag = match kind {
            Kind::File { .. } => 0,
            Kind::Directory => 1,
            Kind::Symlink(_) => 2,
            Kind::Hardlink(_) => 3,
            Kind::CharDevice { .. } => 4,
            Kind::BlockDevice { .. } => 5,
            Kind::Fifo => 6,
            Kind::Whiteout => 7,
            Kind::OpaqueDirectory => 8,
        };
        let flag = |set, flag| if set { flag } else { 0 };
        out.push(
            tag | flag(same_owner, SAME_OWNER)
                | flag(same_time, SAME_TIME)
                | flag(!xattrs.is_empty(), XATTRS),
        );
        match kind {
            Kind::File { size, digest } => {
                number(out, *size);
                number(out, zigzag(offset.wrapping_sub(self.before.at) as i64));
                out.extend(digest.as_bytes());
                self.before.at = offset;
            }
            Kind::Symlink(target) => bytes(out, target),
            Kind::Hardlink(target) => bytes(out, target.as_bytes()),
            Kind::CharDevice { major, minor } | Kind::BlockDevice { major, minor } => {
                number(out, u64::from(*major));
                number(out, u64::from(*minor));
            }
            Kind::Directory | Kind::Fifo | Kind::Whiteout | Kind::OpaqueDirectory => {}
        }
        if !same_owner {
            [mode, uid, gid].into_iter().for_each(|n| number(out, u64::from(*n)));
        }
        if !same_time {
            number(out, zigzag(mtime.seconds));
            number(out, u64::from(mtime.nanoseconds));
        }
        if !xattrs.is_empty() {
            number(out, xattrs.len() as u64);
            for (name, value) in xattrs {
                bytes(out, name);
                bytes(out, value);
            }
        }
        self.path.truncate(shared);
        self.path.extend(&path[shared..]);
        (self.before.owner, self.before.mtime) = (owner, *mtime);
        self.count += 1;
    }

    /// The stored form.
    pub fn finish(self) -> EncodedList {
        let ListEncoder { mut out, count, .. } = self;
        let mut head = MAGIC.to_vec();
        number(&mut head, count);
        let start = GAP - head.len();
        out[start..GAP].copy_from_slice(&head);
        out.drain(..start);
        let digest = Digest::of(&out);
        out.extend(digest.as_bytes());
        EncodedList(out)
    }
}

/// A list in its stored form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedList(pub(super) Vec<u8>);

impl EncodedList {
    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

fn number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    number(out, bytes.len() as u64);
    out.extend(bytes);
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}
