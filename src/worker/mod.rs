//! Performs one op: inputs in, layer out.
//!
//! A [`Worker`] knows where the bytes of every input are: the store's layers, base images that may still have to be
//! fetched ([`Image`]), build contexts ([`Context`]). It answers two questions about a step: which key it has
//! ([`Worker::pre_image`]), and which layer doing it gives ([`Worker::perform`]).
//!
//! **Not here**: the order of steps, records and their look-up (`build`); what an instruction means (`plan`).

mod before;
mod chain;
mod context;
mod copy;
mod elsewhere;
mod error;
mod exec;
mod fetching;
mod file;
mod ground;
mod image;
mod key;
mod missing;
mod perform;
mod sources;
mod trees;

pub use chain::{Chain, Link, Made, States};
pub use context::{Context, ContextFiles, Scanned};
pub use copy::wanted;
pub use error::Error;
pub use exec::{Agents, Container, Exited, IdentityMemory, Secrets};
pub use fetching::NextNumber;
pub use ground::Ground;
pub use image::{Image, ImageOrigin};
pub use perform::{Doing, Worker};
