//! COPY, ADD and WORKDIR as pure functions: which entries are copied, and what layer they make.
//!
//! [`select_parts()`] finds what a copy reads (its digest goes into the key, so nothing is placed on a hit); [`place()`] makes the
//! layer's entries from that and the destination's tree. Bytes are never touched here: each placed entry says where its
//! content is ([`Content`]).
//!
//! **Invariants**: what [`place()`] and [`make_directory()`] return is sorted, without duplicates, every parent before what
//! it holds (the root itself is never listed), and applied to the destination it is the tree that the instruction
//! describes. An existing parent is listed with exactly the metadata it has.
//!
//! COMPAT: BuildKit's rules (fsutil's copy) but for what the files say.

mod contents;
mod directory;
#[cfg(test)]
mod drawn;
mod error;
mod made;
mod near;
pub mod owner;
mod pattern;
mod place;
mod placed;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod rules_filters;
#[cfg(test)]
mod rules_unpack;
mod select;
mod selection;
mod slots;
mod unpack;
mod wanted;

pub use directory::make_directory;
pub use error::Error;
pub use near::near_names;
pub use owner::{Owner, OwnerFiles, chown_owner, directory_owner, needs_files, run_user};
pub use place::{Archives, place};
pub use placed::{Content, Placed};
pub use select::{Part, select_parts};
pub use selection::Selection;
pub use wanted::wanted;
