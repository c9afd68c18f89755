//! All tests that are not unit tests, in one binary: it links once.

// A test that meets what cannot be should end there.
#![allow(clippy::unwrap_used)]

mod carry;
mod conform;
mod cost;
mod cost_bytes;
mod dockerfile_differential;
mod dockerfile_golden;
mod dockerfile_grammar;
mod dockerfile_properties;
mod e2e;
mod examples;
mod export_fixture;
mod export_image;
mod export_rootfs;
mod layer_fixture;
mod layer_foreign;
mod layer_golden;
mod patterns_properties;
mod plan_cache_keys;
mod plan_case;
mod plan_dump;
mod plan_golden;
mod plan_limits;
mod registry_build;
mod registry_lazy;
mod registry_proxy;
mod registry_pull;
mod registry_push;
mod registry_server;
mod registry_settings;
mod registry_wire;
mod remote;
mod robust;
mod rows;
mod sandbox_foreign;
mod sandbox_isolation;
mod sandbox_lifetime;
mod sandbox_process;
mod sandbox_world;
mod slow_patterns;
mod snapshot_chain;
mod snapshot_changes;
mod snapshot_fixture;
mod source_inputs;
mod source_scan;
mod store_crash;
mod store_damage;
mod store_fixture;
mod store_full;
mod store_prune;
mod store_share;
mod tidy;
mod tree_resolve;
