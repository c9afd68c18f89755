//! Where inputs come from: local directory, tar, OCI layouts and archives.
//!
//! A build context becomes a sorted list of entries, hashed and normalised ([`ContextModes`]), and contents that can be
//! opened later: [`Local`] for a directory, [`Archive`] for a tar. [`OciLayout`] reads images out of a directory.
//!
//! **Not here**: the stat cache's place on disk (it comes in and goes out as bytes), and what is done with the entries.

mod archive;
mod dockerfile;
mod error;
mod local;
mod modes;
mod oci_layout;
mod wanted;

pub use archive::{Archive, Content, Input, is_archive, read_archive, read_input};
pub use dockerfile::{DockerfileText, Ignore, read_dockerfile, read_ignore};
pub use error::Error;
pub use local::{Local, Scan, ScanOptions};
pub use modes::ContextModes;
pub use oci_layout::{OciLayout, Picked, VerifiedBlob};
pub use wanted::Wanted;
