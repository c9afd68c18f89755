//! Running a process on a root file system and reading back what it changed.

mod agents;
mod binds;
mod caches;
mod container;
mod foreign;
mod hosts;
pub mod identity;
mod limits;
mod logged;
mod mount_points;
mod mounts;
mod ran;
mod roots;
mod secrets;
mod times;

pub use agents::Agents;
pub use container::Container;
pub use identity::IdentityMemory;
pub use ran::Exited;
pub use secrets::Secrets;
