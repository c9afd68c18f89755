//! One path of a layer, with all that is recorded of it.

use std::collections::BTreeMap;

use super::path::RootPath;
use crate::oci::{Digest, Epoch};

/// One path of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where.
    pub path: RootPath,
    /// What.
    pub kind: Kind,
    /// Permission bits with setuid, setgid and sticky: `mode & 0o7777`. Always `0o777` for a symbolic link.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Last change of the content.
    pub mtime: Time,
    /// Extended attributes by full name, such as `security.capability`.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File {
        /// Bytes.
        size: u64,
        /// Of the content.
        digest: Digest,
    },
    /// A directory.
    Directory,
    /// A symbolic link and the text in it.
    Symlink(Vec<u8>),
    /// Another name of a file *in the same layer*: of an entry that is not itself a hard link.
    Hardlink(RootPath),
    /// A character device.
    CharDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
    /// The path, and all below it, is removed from the layers below. In a tar: `.wh.NAME`.
    Whiteout,
    /// A directory that hides what the layers below have in it. In a tar: the directory and `.wh..wh..opq`. Read from
    /// foreign layers, never written.
    OpaqueDirectory,
}

/// Seconds since 1970, and nanoseconds where a foreign layer has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    /// Whole seconds.
    pub seconds: i64,
    /// Below one second.
    pub nanoseconds: u32,
}

impl Time {
    /// The second it falls in, or `epoch` if that is earlier.
    pub fn clamp(self, epoch: Epoch) -> Time {
        Time::from_seconds(self.seconds.min(epoch.0))
    }

    /// A time in whole seconds.
    pub fn from_seconds(seconds: i64) -> Time {
        Time { seconds, nanoseconds: 0 }
    }
}

impl Entry {
    /// A directory of root's, 0755.
    pub fn directory(path: RootPath, mtime: Time) -> Entry {
        Entry { path, kind: Kind::Directory, mode: 0o755, uid: 0, gid: 0, mtime, xattrs: BTreeMap::new() }
    }

    /// The mark of a removed path.
    pub fn whiteout(path: RootPath, mtime: Time) -> Entry {
        Entry { path, kind: Kind::Whiteout, mode: 0, uid: 0, gid: 0, mtime, xattrs: BTreeMap::new() }
    }

    /// Whether other paths can lie below this one.
    pub fn is_directory(&self) -> bool {
        matches!(self.kind, Kind::Directory | Kind::OpaqueDirectory)
    }
}
