//! Layers materialised for a RUN and the changes read back.
//!
//! A chain of layers becomes a list of overlay lower directories ([`Snapshots::lowers`]), each made once and sealed. A RUN
//! writes into an [`Active`] upper directory; what it changed is read back as the canonical layer
//! ([`Snapshots::changes`]), and the upper directory, made equal to that layer, becomes its snapshot
//! ([`Snapshots::commit`]). The same code writes a whole root file system out for an export ([`write_tree`]).
//!
//! **Invariants**: a snapshot holds, entry for entry, what its layer's list says: there is no difference between one that
//! stayed in place, one made from the blob and one whose files were written as the blob came ([`Unpacking`]). Every name is looked up from a directory descriptor, component by
//! component, and no symbolic link is followed. `trusted.*` is never written.
//!
//! **Not here**: mounting (`sandbox`), where bytes come from (a [`Fetch`] given by the caller).

mod active;
mod aside;
mod below;
mod changes;
mod commit;
mod cursor;
mod error;
mod fetch;
mod file;
mod files;
mod finish;
mod flushing;
mod hash;
mod joined;
mod lock;
mod looks;
mod marker;
mod merged;
mod metadata;
mod part;
mod recipe;
mod remove;
mod seal;
mod small;
mod snapshots;
mod spares;
mod state;
mod unpacking;
mod upper;
mod write;
mod writers;

pub use active::Active;
pub use aside::Aside;
pub use error::Error;
pub use fetch::{ChainLayer, Fetch};
pub use finish::finish_directories;
pub use looks::Known;
pub use merged::{below, whole};
pub use metadata::Owners;
pub use recipe::Item;
pub use remove::remove_tree;
pub use small::SmallFiles;
pub use snapshots::Snapshots;
pub use unpacking::Unpacking;
pub use upper::read_tree;
pub use write::write_tree;
