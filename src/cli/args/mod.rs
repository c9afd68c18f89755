//! The command line: as typed ([`Command`] and what it holds), before it means anything.

mod access;
mod build;
mod cache;
mod carry;
mod csv;
mod output;
mod pairs;
mod parse;
mod refused;
mod registry;
mod store;

pub use access::{entitlements, ssh};
pub use build::BuildArgs;
pub use cache::{cache_from, cache_to};
pub use carry::{CopyArgs, LoadArgs, SaveArgs};
pub use output::{Asked, parse_output};
pub use pairs::{build_args, context_value, host_entry, label, secret, ulimit};
pub use parse::{Command, UsageError, parse};
pub use registry::{LoginArgs, LogoutArgs, PullArgs, PushArgs, RmiArgs, TagArgs};
pub use store::{DuArgs, ImportArgs, InspectArgs, PruneArgs, RunArgs};
