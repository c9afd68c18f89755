//! The nouns of the OCI specifications (over `oci-spec`) and their one canonical byte form.
//!
//! Descriptors, manifests and indexes are `oci-spec`'s. The image config is ours, because the library's drops what
//! Docker adds (health checks, triggers, the shell). Whatever is written goes through [`canonical()`], so that equal
//! values are equal bytes; whatever was pulled is kept as the bytes it came in.
//!
//! **Not here**: reading or writing files, talking to registries.

mod canonical;
mod choice;
mod config;
mod descriptor;
mod digest;
mod epoch;
mod error;
mod hashing;
mod index;
mod platform;
mod reference;

pub use canonical::canonical;
pub use choice::choose;
pub use config::{Config, Empty, Healthcheck, History, ImageConfig, RootFs};
pub use descriptor::{descriptor_digest, descriptor_platform, is_attestation, new_descriptor, with_platform};
pub use digest::{ChainId, DiffId, Digest, Hasher};
pub use epoch::{Epoch, LAYER_EPOCH};
pub use error::Error;
pub use hashing::{Digesting, Hashing};
pub use index::{index_bytes, read_index};
pub use oci_spec::image::{Descriptor, ImageIndex, ImageManifest, MediaType};
pub use platform::Platform;
pub use reference::Reference;
