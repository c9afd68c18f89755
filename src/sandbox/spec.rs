//! What to run and in which surroundings, in the words of the runtime specification.
//!
//! SPEC: OCI runtime-spec config.md; field by field only what a RUN needs.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use super::caps::Capabilities;
use super::emulator::Emulator;
use super::relay::Relay;
use crate::tree::RootPath;

/// One process and its surroundings.
#[derive(Debug)]
pub struct Spec {
    /// The file system that the process sees.
    pub root: Root,
    /// The process.
    pub process: Process,
    /// Its host name.
    pub hostname: String,
    /// What is mounted in the root, in this order, after `/proc`, `/dev` and `/sys`.
    pub mounts: Vec<Mount>,
    /// Which network it sees.
    pub network: Network,
    /// How much it may do.
    pub security: Security,
    /// The size of `/dev/shm` in bytes.
    pub shm_size: u64,
    /// What runs programs that the kernel does not; see [`super::processor()`].
    pub emulator: Option<Emulator>,
    /// Passes signals on to the process; without one it gets none but the end.
    pub relay: Option<Relay>,
    /// Where its input and output go.
    pub stdio: Stdio,
}

/// A directory given by its path on the host, or opened already.
#[derive(Debug)]
pub enum Directory {
    /// A path on the host.
    Path(PathBuf),
    /// A descriptor (opened with `O_PATH` or for reading).
    Open(OwnedFd),
}

/// An overlay: directories that are read, one that is written, and one for the kernel's own use.
#[derive(Debug)]
pub struct Root {
    /// Topmost first; none is an empty root.
    pub lower: Vec<Directory>,
    /// Where changes go. Must exist.
    pub upper: PathBuf,
    /// An empty directory on the file system of `upper`, used once. Must exist.
    pub work: PathBuf,
}

/// A command, who runs it, and where.
#[derive(Debug)]
pub struct Process {
    /// The command and its arguments; a command without a slash is looked for in the PATH of `env`, inside the root.
    pub argv: Vec<Vec<u8>>,
    /// Its environment, passed in this order.
    pub env: Vec<(String, String)>,
    /// Its working directory, which must exist inside the root.
    pub cwd: RootPath,
    /// Its user id, inside.
    pub uid: u32,
    /// Its group id, inside.
    pub gid: u32,
    /// Its supplementary groups.
    pub groups: Vec<u32>,
    /// What it keeps of root's power; under [`Security::Insecure`] it keeps all there is.
    pub capabilities: Capabilities,
    /// Its limits; one above what may be given here is lowered to that, never an error.
    pub rlimits: Vec<Rlimit>,
}

/// One resource limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rlimit {
    /// Of what.
    pub resource: Resource,
    /// The limit in force; `None` is unlimited.
    pub soft: Option<u64>,
    /// What the process may raise it to; `None` is unlimited.
    pub hard: Option<u64>,
}

/// A limited resource.
pub use crate::sys::rustix::process::Resource;

/// Something mounted in the root.
#[derive(Debug)]
pub struct Mount {
    /// Where, as an absolute path in the root; symbolic links are followed inside the root. Made if missing, and taken
    /// away again afterwards.
    pub target: RootPath,
    /// What.
    pub kind: MountKind,
}

/// What a mount is.
#[derive(Debug)]
pub enum MountKind {
    /// A file or directory of the host.
    Bind {
        /// Which.
        source: Directory,
        /// Whether writing is refused.
        access: Access,
        /// Whether mounts below it come along.
        depth: Depth,
    },
    /// Directories that may be written to, while the writes go to a directory of their own.
    Overlay {
        /// The directories.
        root: Root,
        /// Whether writing is refused.
        access: Access,
    },
    /// An empty directory in memory.
    Tmpfs {
        /// In bytes; `None` is the kernel's default, half of the memory.
        size: Option<u64>,
        /// Permission bits of the directory.
        mode: u32,
        /// Whether writing is refused.
        access: Access,
    },
    /// A file in memory, never on disk.
    File {
        /// What it holds.
        bytes: Vec<u8>,
        /// Its permission bits; it can be executed if one of them says so.
        mode: u32,
        /// Its owner, inside.
        uid: u32,
        /// Its group, inside.
        gid: u32,
        /// Whether writing is refused; what is written is thrown away.
        access: Access,
    },
}

/// Whether a mount may be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading only.
    ReadOnly,
    /// Reading and writing.
    ReadWrite,
}

pub use crate::sys::mount::Depth;

/// Which network a process sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// The host's.
    Host,
    /// Its own, with nothing but a loopback device.
    None,
}

/// How much a process may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Capabilities as in [`Process::capabilities`], the seccomp profile, masked and read-only paths.
    Sandbox,
    /// All capabilities that we have, no filter, nothing masked.
    Insecure,
}

/// Where input comes from and output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stdio {
    /// Input is empty; output is handed to the caller.
    Captured,
    /// The caller's own.
    Inherited,
}
