//! The system calls that a RUN may make: Moby's default profile, compiled to a filter once per set of capabilities.

mod cached;
mod compile;
mod numbers;
mod profile;
mod rule;
mod table;

pub(super) use cached::filter;
