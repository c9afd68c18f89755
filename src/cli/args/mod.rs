//! The command line: as typed ([`Command`] and what it holds), before it means anything.

mod access;
mod annotation;
mod build;
mod cache;
mod carry;
mod csv;
mod insecure;
mod output;
mod output_fields;
mod pairs;
mod parse;
mod refused;
mod registry;
mod repro;
mod store;

pub use access::{entitlements, ssh};
pub use annotation::annotation;
pub use build::BuildArgs;
pub use cache::{cache_from, cache_to};
pub use carry::{CopyArgs, LoadArgs, SaveArgs};
pub use insecure::Insecure;
pub use output::{Asked, Stored, parse_output};
pub use output_fields::wants_constant_times;
pub use pairs::{build_args, context_value, host_entry, label, secret, ulimit};
pub use parse::{Command, UsageError, failure_code, parse};
pub use registry::{LoginArgs, LogoutArgs, PullArgs, PushArgs, RmiArgs, TagArgs};
pub use repro::{DiffArgs, ReproArgs};
pub use store::{DuArgs, ImportArgs, InspectArgs, PruneArgs, RunArgs};
