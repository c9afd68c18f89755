//! Key records and layers to and from a remote cache.
//!
//! A cache is a small document of records (step key to layer) with the layers' blobs and entry lists beside it, kept as
//! an OCI artifact in a registry, in a directory, or (records alone) in the config of an image. [`Imported`] reads caches:
//! the documents at once, lists and layers when they are needed. [`Uploads`] write one: layers as they are made, records at
//! the end. `docs/remote-cache.md` has the format, and why exporters at the same time lose nothing.
//!
//! **Invariants**: whatever is read has a limit, and is read strictly; a blob is what its digest says before anything of it
//! is used; what turns out to be untrue ends the use of that cache for the build.
//!
//! **Not here**: which key a step has (`graph`, `worker`), what is looked up and exported when (`build`).

mod artifact;
mod blobs;
mod directory;
mod document;
mod error;
mod export;
mod import;
mod inline;
mod limited;
mod merge;
mod place;
mod repository;
mod sets;
mod uploads;

pub use directory::Directory;
pub use document::{Document, KnownLayer, Recorded, Selection};
pub use error::Error;
pub use export::Exporter;
pub use import::{Imported, Source};
pub use inline::{INLINE, embed, embedded};
pub use place::{Bytes, Place, Upload};
pub use repository::Repository;
pub use uploads::{Exported, Share, Uploads};
