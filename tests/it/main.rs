//! All tests that are not unit tests, in one binary: it links once.

mod registry_pull;
mod registry_wire;
mod snapshot_chain;
mod snapshot_changes;
mod snapshot_fixture;
mod tidy;
