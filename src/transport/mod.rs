//! Moves whole images between the store, registries, image layouts and archives, byte for byte.
//!
//! An *origin* gives documents and blobs, verified; a *target* takes them: blobs first, manifests after what they name,
//! names last. What is between is in `whole.rs`: all that an image needs, found from its root down. So each pair of forms
//! works as every other, and nothing is ever seen half-written under a name.
//!
//! **Invariants**: digests never change on the way; what is damaged stops the move and is named.
//!
//! **Not here**: what a plain name means, compressing (`build`, `export`), the protocol of registries (`registry`).

mod archive_target;
mod bundle;
mod bundle_origin;
mod copy;
mod document;
mod entries;
mod error;
mod layout_target;
mod listing;
mod mover;
mod origin;
mod place;
mod registry_origin;
mod registry_target;
mod spool;
mod store_origin;
mod store_target;
mod target;
mod whole;

pub use archive_target::Dialect;
pub use copy::{CopyFrom, CopyTo, Moved, Streams, copy, load, save};
pub use error::Error;
pub use mover::Mover;
pub use place::Place;
pub use whole::Choice;
