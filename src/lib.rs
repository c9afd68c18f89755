//! Builds OCI images from a Dockerfile and a directory, without a daemon.
//!
//! The rooms below are listed from the ground up: a room imports only rooms above its own line in this list, as
//! `docs/architecture.md` says and `tests/it/tidy.rs` checks.

pub mod oci;
pub mod tree;
pub mod progress;
pub mod dockerfile;
pub mod layer;
pub mod graph;
pub mod plan;
pub mod image;
pub mod sys;
pub mod http;
pub mod store;
pub mod registry;
pub mod source;
pub mod snapshot;
pub mod sandbox;
pub mod worker;
pub mod export;
pub mod build;
pub mod cli;
