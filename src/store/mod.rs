//! Content-addressed blobs, entry lists, key records (opaque bytes), names, leases and garbage collection on disk.
//!
//! A store is one directory of files named by what they contain: written to a temporary name, verified while they are
//! written, renamed, and made durable together, once a build. There is no database, no lock server and no pid file;
//! what has to exclude others holds a `flock`, which the kernel frees when its holder dies. Whatever is damaged counts
//! as absent, so that the same build makes it anew, and is told through [`Store::take_healed`]. The format on disk
//! stands in `docs/store-format.md`.
//!
//! **Not here**: what a record means (`build`, `graph`), what is in a snapshot (`snapshot`), transfers (`registry`).

mod blob;
mod cache_mount;
mod contents;
mod error;
mod flight;
mod frame;
mod healed;
mod layer;
mod lease;
mod lock;
mod log;
mod name;
mod prune;
mod record;
mod stat_cache;
mod store;
mod temp;
mod usage;

pub use blob::BlobWriter;
pub use cache_mount::{CacheMount, CacheMountSpec, Sharing};
pub use contents::{ContentReader, Contents};
pub use error::Error;
pub use flight::Flight;
pub use healed::{Healed, ObjectKind};
pub use layer::{Layer, LayerWriter};
pub use lease::Lease;
pub use log::LogWriter;
pub use name::{Name, Origin, Target};
pub use prune::{Filter, PruneOptions, PruneReport};
pub use store::{Durability, Options, Store};
pub use temp::TempDir;
pub use usage::{Item, ItemKind, Usage, UsageOf};
