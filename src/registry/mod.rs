//! A distribution-spec client: resolve, pull, verify, push.
//!
//! A [`Client`] turns a [`Reference`](crate::oci::Reference) into the verbatim bytes of a manifest or index, picks the
//! manifest for a platform, and streams blobs. It answers challenges with tokens or basic authorization from
//! [`Credentials`]. SPEC: OCI distribution-spec, and the token protocol of Docker's registry.
//!
//! **Invariants**: no byte is handed on as a document unless its digest is the one asked for; a blob's size is held
//! while it streams and its digest before success is reported; credentials go to the registry that they belong to and
//! to token servers of the same owner, under TLS or on this machine; plain HTTP is spoken to loopback hosts alone.
//!
//! **Not here**: mirrors and `registries.conf` (they grow from the session's requests), disk
//! (blobs go to a `Write`), layer formats.

mod challenge;
mod client;
mod config_file;
mod credentials;
mod document;
mod endpoint;
mod error;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod fake_store;
#[cfg(test)]
mod faults;
mod grant;
mod helper;
mod image;
mod login;
mod permits;
mod publish;
mod push;
#[cfg(test)]
mod push_faults;
mod realm;
mod select;
mod session;
mod tags;
mod token;
mod upload;

pub use client::{Client, Options, Resolved};
pub use credentials::{Credential, Credentials, Places};
pub use document::{ACCEPTED, Kind};
pub use error::Error;
#[cfg(test)]
pub(crate) use fake_store::{Trouble, Twin, Verdict, to};
pub use image::{Image, refuse_artifact};
pub use login::{Kept, forget_login, keep_login};
pub use push::{Body, Outgoing, Pushed};
pub use select::select;
