//! Writes a finished image where it was asked for.
//!
//! [`keep`] puts an image's documents into the store; [`export`] writes one [`Output`]. Nothing partial is ever seen under
//! a destination's name: files and new directories are made under another name and renamed (standard output excepted).
//!
//! **Not here**: reading `--output` (`cli`), pushing (`registry`).

mod destination;
mod error;
mod finished;
mod keep;
mod output;

pub use destination::Destination;
pub use error::Error;
pub use finished::{Exported, Finished};
pub use keep::keep;
pub use output::{Encode, Output, export};
