//! A distribution-spec client: resolve, pull, verify, push.
//!
//! A [`Client`] turns a [`Reference`](crate::oci::Reference) into the verbatim bytes of a manifest or index, picks the
//! manifest for a platform, and streams blobs. It answers challenges with tokens or basic authorization from
//! [`Credentials`]. SPEC: OCI distribution-spec, and the token protocol of Docker's registry.
//!
//! **Invariants**: no byte is handed on as a document unless its digest is the one asked for; a blob's size is held
//! while it streams and its digest before success is reported; credentials go to the registry that they belong to and
//! to token servers of the same owner, under TLS or on this machine; plain HTTP is spoken to loopback hosts and to those that the user named.
//!
//! **Not here**: disk (blobs go to a `Write`; only settings and credentials are read from files), layer formats.

mod anywhere;
mod blob;
mod challenge;
mod client;
mod config_file;
mod credentials;
mod daemon_json;
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
#[cfg(test)]
mod mirror_faults;
mod parallel;
mod permission;
mod permits;
mod publish;
#[cfg(test)]
mod pull_faults;
mod push;
#[cfg(test)]
mod push_faults;
#[cfg(test)]
mod push_redirects;
#[cfg(test)]
mod push_troubles;
mod realm;
mod registries;
mod registries_conf;
mod select;
mod session;
#[cfg(test)]
mod sweep_faults;
mod tags;
mod token;
mod upload;

pub use client::{Client, Options, Resolved};
pub use credentials::{Credential, Credentials, Places};
pub use document::{ACCEPTED, Kind};
pub use error::{Error, with_causes};
#[cfg(test)]
pub(crate) use fake_store::{Trouble, Twin, Verdict, to};
pub use image::{Image, refuse_artifact};
pub use login::{Kept, forget_login, keep_login};
pub use parallel::in_parallel;
pub use push::{Body, Outgoing, Pushed};
pub use registries::Registries;
pub use registries_conf::SettingsPlaces;
pub use select::select;
