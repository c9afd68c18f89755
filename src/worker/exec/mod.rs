//! Running a process on a root file system and reading back what it changed.

mod binds;
mod caches;
mod hosts;
pub mod identity;
mod limits;
mod logged;
mod mounts;
mod ran;
mod roots;
mod secrets;
mod times;

pub use hosts::{etc_hosts, resolv_conf};
pub use ran::Exited;
pub use secrets::Secrets;
