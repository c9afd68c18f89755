//! The whole way from text to outputs; the only room that sees planning and doing.
//!
//! [`build`] reads the Dockerfile, asks `plan` until it has all base configs that it wants, scans the contexts, finds out
//! which steps have a recorded result, does the others, and writes the outputs. The other doors are the commands that
//! work on images in the store: [`import()`], [`run()`], [`copy_image()`] and their like.
//!
//! **Invariants**: whatever the outside gives comes in as [`Options`]; nothing here reads the environment or the clock. A
//! build that finds everything recorded starts no thread, enters no namespace and opens no blob.

mod agents;
mod bases;
#[cfg(test)]
mod cache_faults;
mod cache_options;
mod caches;
mod carry;
mod checks;
mod contexts;
mod dockerfile;
mod error;
mod finish;
mod follow;
mod frontend;
mod held;
mod images;
mod import;
mod interrupt;
mod kept;
mod layer_file;
mod lines;
mod named;
mod names;
mod noted;
mod numbers;
mod options;
mod packing;
mod permission;
mod platforms;
mod policy;
mod push;
mod record;
mod remote_secrets;
mod remotes;
mod repeat;
mod request;
mod run;
mod schedule;
mod start;
mod steps;
mod traced;
mod transfer;
mod twice;
mod waiting;

pub use cache_options::{CacheMode, CachePlace, CacheTo};
pub use carry::{bring_image, copy_image, load_images, published, save_images};
pub use error::{Error, Excerpt, Failure};
pub use finish::Built;
pub use images::Found;
pub use import::import;
pub use interrupt::Interrupt;
pub use kept::{KeptImages, images, kept};
pub use lines::{ImageLines, MadeBy};
pub use names::{Removed, remove, tag};
pub use options::{Context, ContextValue, DockerfileFrom, Options, Purpose, Secret, SecretSource, SshSource};
pub use policy::PullPolicy;
pub use push::push_image;
pub use run::{RunOptions, run};
pub use start::{Finding, Namespace, Outcome, build};
pub use traced::{Trace, Traced};
pub use transfer::{Transfer, pull};
pub use twice::{Reaches, Repeated, RunTwice, Second, Verdict};
