//! All tests that are not unit tests, in one binary: it links once.

mod dockerfile_differential;
mod dockerfile_golden;
mod dockerfile_grammar;
mod dockerfile_properties;
mod plan_cache_keys;
mod plan_case;
mod plan_dump;
mod plan_golden;
mod registry_pull;
mod registry_wire;
mod sandbox_isolation;
mod sandbox_lifetime;
mod sandbox_process;
mod sandbox_world;
mod snapshot_chain;
mod export_fixture;
mod export_image;
mod export_rootfs;
mod snapshot_changes;
mod snapshot_fixture;
mod source_inputs;
mod source_scan;
mod tidy;
