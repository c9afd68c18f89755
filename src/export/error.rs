//! Why an image could not be written.

use std::io;
use std::path::PathBuf;

use crate::oci::{DiffId, Digest};
use crate::tree::RootPath;

/// An output that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The destination, or a temporary file beside it.
    #[error("cannot {doing} {}: {source}", path.display())]
    Destination {
        /// A verb.
        doing: &'static str,
        /// On the host.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Standard output.
    #[error("cannot write the image to standard output: {0}")]
    Stdout(#[source] io::Error),
    /// A directory for a file or the other way round.
    #[error("output destination {}: {reason}", path.display())]
    Kind {
        /// On the host.
        path: PathBuf,
        /// What is in the way, and what to do.
        reason: &'static str,
    },
    /// A layer's bytes cannot be read or compressed.
    #[error("cannot export layer {layer}: {source}")]
    Layer {
        /// Which.
        layer: DiffId,
        /// Why.
        source: io::Error,
    },
    /// A blob that the image needs is not in the store any more.
    #[error("blob {0}, which the image needs, is not in the store: build again")]
    Missing(Digest),
    /// A layer that is elsewhere, and could not be had.
    #[error("cannot fetch layer {layer}, which the image needs: {source}")]
    Bring {
        /// Which.
        layer: DiffId,
        /// Why.
        source: crate::store::Trouble,
    },
    /// A layer is elsewhere in a form of another version of this program. It is here now: doing it all again helps.
    #[error("layer {0} was compressed by another version of rbuild: push again")]
    Otherwise(DiffId),
    /// A file of the image that the output cannot hold.
    #[error("cannot export {path}: {reason}")]
    Entry {
        /// In the image.
        path: RootPath,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// An output for one image alone.
    #[error(
        "type=docker holds one image, and this build makes an index of {0}: use type=oci, or build one platform \
         at a time"
    )]
    OneImage(String),
    /// Nowhere to push to.
    #[error("a push needs a name: --tag, or name= in --output")]
    NoNames,
    /// A registry.
    #[error(transparent)]
    Registry(Box<crate::registry::Error>),
    /// The image does not fit together.
    #[error(transparent)]
    Image(#[from] crate::image::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    /// A tar of the root file system.
    #[error(transparent)]
    Tar(#[from] crate::layer::Error),
    /// A directory of the root file system.
    #[error(transparent)]
    Tree(#[from] crate::snapshot::Error),
}

impl From<crate::registry::Error> for Error {
    fn from(error: crate::registry::Error) -> Error {
        Error::Registry(Box::new(error))
    }
}

impl Error {
    /// Whether it ended because somebody stopped it.
    pub fn is_canceled(&self) -> bool {
        matches!(self, Error::Registry(error) if error.is_canceled())
    }

    /// For `map_err`.
    pub(super) fn destination<E: Into<io::Error>>(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(E) -> Error {
        let path = path.into();
        move |source| Error::Destination { doing, path, source: source.into() }
    }
}
