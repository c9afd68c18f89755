//! Content-addressed blobs, entry lists, key records (opaque bytes), names, leases and garbage collection on disk.
//!
//! A store is one directory of files named by what they contain: written to a temporary name, verified while they are
//! written, renamed, and made durable together, once a build. There is no database, no lock server and no pid file;
//! what has to exclude others holds a `flock`, which the kernel frees when its holder dies. Whatever is damaged counts
//! as absent, so that the same build makes it anew, and is told through [`Store::take_healed`]. The format on disk
//! stands in `docs/store-format.md`.
//!
//! **Not here**: what a record means (`build`, `graph`), what is in a snapshot (`snapshot`), transfers (`registry`).

mod abandoned;
mod beside;
mod blob;
mod blob_origin;
mod blob_reader;
mod cache_mount;
mod collect;
mod contents;
mod create;
mod disk;
mod document;
mod error;
mod filter;
mod flight;
mod frame;
mod healed;
mod held;
mod holding;
mod incoming;
mod inventory;
mod item;
mod layer;
mod layer_list;
mod layer_record;
mod layer_writer;
mod layout;
mod lease;
mod lock;
mod log;
mod lookups;
mod measure;
mod name;
mod open;
mod packed;
mod patch;
mod patch_sink;
mod pipe;
mod process;
mod prune;
mod reach;
mod record;
mod recover;
mod remote_layer;
mod repeats;
mod room;
mod seen;
mod stat_cache;
mod temp_dir;
mod unsynced;
mod usage;

pub use blob::BlobWriter;
pub use blob_reader::BlobReader;
pub use cache_mount::{CacheMount, CacheMountSpec, Sharing};
pub use contents::{ContentReader, Contents};
pub use error::Error;
pub use filter::Filter;
pub use flight::Flight;
pub use healed::{Healed, ObjectKind};
pub use incoming::Incoming;
pub use item::{Item, ItemKind};
pub use layer_record::{Layer, form};
pub use layer_writer::LayerWriter;
pub use lease::Lease;
pub use log::LogWriter;
pub use lookups::Lookups;
pub use name::{Name, Origin, Target};
pub use open::{Durability, Options, Store};
pub use prune::{PruneOptions, PruneReport};
pub use remote_layer::{ImageLayer, Kept, LayerSource, NoSource, RemoteLayer, Trouble};
pub use repeats::Repeats;
pub use temp_dir::TempDir;
pub use unsynced::Moment;
pub use usage::{Usage, UsageOf};
