//! Files of git repositories, read out of objects: nothing is ever checked out.

mod access;
mod collect;
mod fetch;
mod keep;
mod local;
mod objects;
mod resolve;
mod submodules;
mod tool;

pub use access::GitAccess;
pub use collect::{GitQuery, GitTree, fetch_git, resolve_git};
pub use local::local_commit_time;
pub use resolve::Resolved;
