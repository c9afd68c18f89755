//! All tests that are not unit tests, in one binary: it links once.

mod dockerfile_differential;
mod dockerfile_golden;
mod dockerfile_grammar;
mod dockerfile_properties;
mod plan_cache_keys;
mod plan_case;
mod plan_dump;
mod plan_golden;
mod plan_limits;
mod tidy;
