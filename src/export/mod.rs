//! Writes finished images where they were asked for.
//!
//! All of it takes an [`ImageSet`]: one image, or one for each platform with an index above them. [`keep()`] puts its
//! documents into the store; [`export()`] writes one [`Output`]; [`push()`] sends to registries. Nothing partial is ever seen under
//! a destination's name: files and new directories are made under another name and renamed (standard output excepted); a file
//! once its bytes are on the disk.
//! The bytes of an output are a fixed function of the image and of the output's settings.
//!
//! **Not here**: reading `--output` (`cli`), the protocol of registries (`registry`).

mod archive;
mod blob;
mod content;
mod destination;
mod documents;
mod dress;
mod engine;
mod engine_load;
mod error;
mod finished;
mod keep;
mod layout;
mod local;
mod outgoing;
mod output;
mod push;
mod push_stored;
mod rootfs;
mod stage;
mod trees;
mod whole_file;

pub use blob::Encode;
pub use destination::{Destination, Sink};
pub use dress::{Annotation, Dress, Level};
pub use engine::{Engine, EnginePlaces};
pub use error::Error;
pub use finished::{Exported, Finished, ImageSet};
pub use keep::keep;
pub use output::{Order, Output, export};
pub use push::{Bring, PushTo, Pusher, push};
pub use push_stored::{StoredImage, StoredManifest, push_stored};
pub use trees::Split;
pub use whole_file::{WholeFile, put_file};
