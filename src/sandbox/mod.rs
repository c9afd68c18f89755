//! Runs one process in its own root, and reports how it ended.

mod caps;
mod seccomp;

pub use caps::Capabilities;
