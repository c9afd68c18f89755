//! All tests that are not unit tests, in one binary: it links once.

mod registry_pull;
mod registry_wire;
mod tidy;
