//! Where inputs come from: local directory, tar, OCI layouts and archives, URLs, git repositories.
//!
//! A build context becomes a sorted list of entries, hashed and normalised ([`ContextModes`]), and contents that can be
//! opened later: [`Local`] for a directory, [`Archive`] for a tar. [`OciLayout`] reads images out of a directory.
//!
//! **Not here**: the stat cache's place on disk (it comes in and goes out as bytes), and what is done with the entries.

mod agent;
mod archive;
mod archive_context;
mod dockerfile;
mod error;
mod git;
mod layout_choice;
mod links;
mod listing;
mod local;
mod modes;
mod names;
mod oci_layout;
mod probe;
mod program;
mod scan;
mod stat_cache;
mod tar_header;
mod url;
mod verified;
mod walk;
mod wanted;
mod whole;

pub use agent::{AgentFilter, KeyAgent};
pub use archive::{Archive, Content, Input, is_archive, read_archive, read_input};
pub use archive_context::ArchiveContext;
pub use dockerfile::{
    DockerfileText, Ignore, read_archive_dockerfile, read_archive_ignore, read_dockerfile, read_ignore,
};
pub use error::Error;
pub use git::{GitAccess, GitQuery, GitTree, Resolved, fetch_git, local_commit_time, resolve_git};
pub use local::Local;
pub use modes::ContextModes;
pub use oci_layout::{OciLayout, Picked};
pub use scan::{Scan, ScanOptions};
pub use url::{Body, Fetched, Validators, fetch_url};
pub use verified::VerifiedBlob;
pub use wanted::{Wanted, is_wildcard};
