//! All tests that are not unit tests, in one binary: it links once.

mod dockerfile_differential;
mod dockerfile_golden;
mod dockerfile_grammar;
mod dockerfile_properties;
mod layer_fixture;
mod layer_foreign;
mod layer_golden;
mod registry_pull;
mod registry_wire;
mod snapshot_chain;
mod snapshot_changes;
mod snapshot_fixture;
mod tidy;
mod tree_resolve;
