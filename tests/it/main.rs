//! All tests that are not unit tests, in one binary: it links once.

mod snapshot_chain;
mod snapshot_changes;
mod snapshot_fixture;
mod tidy;
