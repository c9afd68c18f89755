//! System calls as safe functions; the only room with `unsafe`.
//!
//! What `rustix` already offers safely is reached as `sys::rustix`; what it lacks stands here, over `libc`: a
//! vfork-style clone, mount attributes, seccomp, execve, signals as values, and the user namespace of an ordinary user.
//!
//! **Invariant**: everything that [`clone::spawn`]'s body may call (marked "in the child") allocates nothing, takes no
//! lock and cannot panic.

pub mod affinity;
pub mod binfmt;
pub mod capability;
pub mod clone;
pub mod command;
mod diagnose;
mod error;
pub mod exec;
pub mod fence;
pub mod memory;
pub mod mount;
pub mod net;
pub mod open_files;
pub mod overlay;
pub mod passwd;
pub mod privilege;
pub mod process;
pub mod seccomp;
pub mod signals;
pub mod subid;
pub mod userns;
pub mod writeback;

pub use error::UsernsError;
pub use privilege::{Privilege, privilege};
pub use rustix;
