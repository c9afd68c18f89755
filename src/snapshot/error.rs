//! Why a snapshot cannot be made, read or sealed.

use std::io;
use std::path::PathBuf;

use crate::tree::RootPath;

/// A snapshot that could not be made, read or sealed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the snapshot store itself.
    #[error("cannot {doing} {}: {source}", path.display())]
    Host {
        /// A verb.
        doing: &'static str,
        /// On the host.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A path inside a snapshot.
    #[error("cannot {doing} {path} in a snapshot: {source}")]
    Entry {
        /// A verb.
        doing: &'static str,
        /// In the image.
        path: RootPath,
        /// Why.
        source: io::Error,
    },
    /// An owner outside the user namespace.
    #[error(
        "{path} belongs to {uid}:{gid}, which this user namespace does not map: give the user more subordinate ids \
         (a line such as `name:100000:65536` in /etc/subuid and in /etc/subgid), or build as root"
    )]
    Owner {
        /// In the image.
        path: RootPath,
        /// Its owner.
        uid: u32,
        /// Its group.
        gid: u32,
    },
    /// A device node that only the real root can make.
    #[error(
        "{path} is a device node, which cannot be made without privilege: run rbuild as root, leave the node out of the \
         image, or export with type=tar (a RUN finds the usual devices in its own /dev)"
    )]
    Device {
        /// In the image.
        path: RootPath,
    },
    /// The bytes that were fetched are not what the list says. The layer is to be dropped and made or pulled again.
    #[error(
        "{path} in layer {layer} of the chain is not what the layer's list says: the stored layer is damaged"
    )]
    Damaged {
        /// Position in the chain, from 0.
        layer: usize,
        /// In the image.
        path: RootPath,
    },
    /// The bytes of a layer could not be read.
    #[error("cannot read layer {layer} of the chain: {source}")]
    Fetch {
        /// Position in the chain, from 0.
        layer: usize,
        /// Why.
        source: io::Error,
    },
    /// A list that no file system can hold.
    #[error("{path}: {reason}")]
    List {
        /// In the image.
        path: RootPath,
        /// What is wrong.
        reason: &'static str,
    },
    /// The changes of a RUN have no canonical form.
    #[error(transparent)]
    Tree(#[from] crate::tree::Error),
}

impl Error {
    /// Whether the file system or a quota is full.
    pub fn is_no_space(&self) -> bool {
        match self {
            Error::Host { source, .. } | Error::Entry { source, .. } | Error::Fetch { source, .. } => {
                matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            _ => false,
        }
    }

    /// For `map_err`, with a path on the host.
    pub(super) fn host<E: Into<io::Error>>(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(E) -> Error {
        let path = path.into();
        move |source| Error::Host { doing, path, source: source.into() }
    }

    /// For `map_err`, with a path in the image.
    pub(super) fn entry<'a, E: Into<io::Error>>(
        doing: &'static str,
        path: &'a RootPath,
    ) -> impl FnOnce(E) -> Error + 'a {
        move |source| Error::Entry { doing, path: path.clone(), source: source.into() }
    }
}
