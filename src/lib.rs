//! Builds OCI images from a Dockerfile and a directory, without a daemon.
//!
//! The rooms below are listed from the ground up: a room imports only rooms above its own line in this list, as
//! `docs/architecture.md` says and `tests/it/tidy.rs` checks.

pub mod build;
pub mod cache;
pub mod cli;
pub mod dockerfile;
pub mod export;
pub mod graph;
pub mod http;
pub mod image;
pub mod layer;
pub mod oci;
pub mod plan;
pub mod progress;
pub mod registry;
pub mod repro;
pub mod sandbox;
pub mod snapshot;
pub mod source;
pub mod store;
pub mod sys;
pub mod transport;
pub mod tree;
pub mod worker;
