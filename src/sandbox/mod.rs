//! Runs one process in its own root, and reports how it ended.
//!
//! In goes a [`Spec`], in the runtime specification's words; out come the process's output as it is written, and an
//! [`Exit`]. It works for root and for "root" of a user namespace (see [`crate::sys::userns`]); [`probe()`] says which it
//! will be. `docs/sandbox.md` says what each step defends against, and what is not defended.
//!
//! Not here: making layers out of what was written, choosing what to mount.

mod cancel;
mod caps;
mod emulator;
mod error;
mod explain;
mod lookup;
mod masks;
mod namespace;
mod output;
mod prepared;
mod probe;
mod processor;
mod relay;
mod run;
mod seccomp;
mod spec;
mod steps;
mod stubs;
mod target;

pub use cancel::Cancel;
pub use caps::Capabilities;
pub use emulator::Emulator;
pub use error::{Error, ExecFailure};
pub use namespace::{Inherit, Privilege, Signals, enter, privilege};
pub use output::Stream;
pub use probe::{Isolation, ProcOf, probe, proc_of};
pub use processor::{Processor, Wanted, processor};
pub use relay::Relay;
pub use run::{Exit, run, run_beside};
pub use spec::{
    Access, Depth, Directory, Mount, MountKind, Network, Process, Resource, Rlimit, Root, Security, Spec,
    Stdio,
};

pub use crate::sys::affinity;
pub use crate::sys::open_files;
pub use crate::sys::process::Ended;
pub use crate::sys::rustix::process::Signal;
