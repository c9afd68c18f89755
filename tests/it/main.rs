//! All tests that are not unit tests, in one binary: it links once.

mod sandbox_isolation;
mod sandbox_lifetime;
mod sandbox_process;
mod sandbox_world;
mod tidy;
