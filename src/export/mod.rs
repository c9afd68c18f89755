//! Writes a finished image where it was asked for.
//!
//! [`keep()`] puts an image's documents into the store; [`export()`] writes one [`Output`];
//! [`push()`] sends to registries. Nothing partial is ever seen under
//! a destination's name: files and new directories are made under another name and renamed (standard output excepted).
//! The bytes of an output are a fixed function of the image and of the output's settings.
//!
//! **Not here**: reading `--output` (`cli`), the protocol of registries (`registry`).

mod archive;
mod blob;
mod content;
mod destination;
mod error;
mod finished;
mod keep;
mod layout;
mod local;
mod output;
mod push;
mod rootfs;

pub use blob::Encode;
pub use destination::Destination;
pub use error::Error;
pub use finished::{Exported, Finished};
pub use keep::keep;
pub use output::{Output, export};
pub use push::{Bring, PushTo, Pusher, push, push_stored};
