//! All tests that are not unit tests, in one binary: it links once.

mod dockerfile_differential;
mod dockerfile_golden;
mod dockerfile_grammar;
mod dockerfile_properties;
mod registry_pull;
mod registry_wire;
mod snapshot_chain;
mod snapshot_changes;
mod snapshot_fixture;
mod store_crash;
mod store_damage;
mod store_full;
mod store_made;
mod store_prune;
mod store_share;
mod tidy;
