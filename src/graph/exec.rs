//! Running a process: all that RUN needs, spelt out.

use super::input::{Input, Read};
use crate::oci::Epoch;

/// A process to run on a root file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exec {
    /// The argument vector.
    pub argv: Vec<String>,
    /// The environment, in the order in which it is passed.
    pub env: Vec<(String, String)>,
    /// Proxy variables: passed to the process, out of the key.
    pub proxies: Vec<(String, String)>,
    /// Absolute.
    pub cwd: String,
    /// `user[:group]` as USER has it; empty for root.
    pub user: String,
    /// In order: later ones may lie in earlier ones.
    pub mounts: Vec<Mount>,
    /// Files that exist only while the process runs: scripts from here-documents.
    pub scripts: Vec<Script>,
    /// What it can reach.
    pub network: Network,
    /// How far it is confined.
    pub security: Security,
    /// The host name it sees.
    pub hostname: String,
    /// Further lines of `/etc/hosts`.
    pub hosts: Vec<HostEntry>,
    /// Size of `/dev/shm` in bytes; none for the usual 64 MiB.
    pub shm_size: Option<u64>,
    /// Resource limits.
    pub ulimits: Vec<Ulimit>,
    /// The latest time that what it leaves may bear.
    pub epoch: Epoch,
}

/// One mount of a RUN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Absolute path in the root; for a secret that is only a variable, none.
    pub target: Option<String>,
    /// Whether writing is refused.
    pub readonly: bool,
    /// What is mounted.
    pub kind: MountKind,
}

/// What a mount shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountKind {
    /// A part of another tree; what is written to it is thrown away.
    Bind {
        /// Which tree.
        input: Input,
        /// Absolute path in it.
        source: String,
    },
    /// A directory that outlives the build.
    Cache {
        /// Its name; cleaned target by default, with the name space of `BUILDKIT_CACHE_MOUNT_NS` before it.
        id: String,
        /// What happens when two use it at once.
        sharing: Sharing,
        /// What it holds at first.
        seed: Option<(Input, String)>,
        /// Permissions on creation.
        mode: u32,
        /// Owner on creation.
        uid: u32,
        /// Group on creation.
        gid: u32,
    },
    /// Memory.
    Tmpfs {
        /// Limit in bytes.
        size: Option<u64>,
    },
    /// A secret, as a file at the mount's target, or a variable, or both.
    Secret {
        /// Its name on the command line.
        id: String,
        /// The variable.
        env: Option<String>,
        /// Whether it is an error that there is none.
        required: bool,
        /// Permissions of the file.
        mode: u32,
        /// Owner of the file.
        uid: u32,
        /// Group of the file.
        gid: u32,
    },
    /// The socket of an SSH agent.
    Ssh {
        /// Its name on the command line.
        id: String,
        /// Whether it is an error that there is none.
        required: bool,
        /// Permissions of the socket.
        mode: u32,
        /// Owner of the socket.
        uid: u32,
        /// Group of the socket.
        gid: u32,
    },
}

/// What happens when two processes use one cache mount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sharing {
    /// They share it.
    #[default]
    Shared,
    /// The second gets another.
    Private,
    /// The second waits.
    Locked,
}

/// A file that exists only while the process runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Absolute path in the root.
    pub target: String,
    /// Its content; mode 0755.
    pub content: String,
}

/// What a process can reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// What the builder gives by default: the host's network.
    #[default]
    Default,
    /// Loopback alone.
    None,
    /// The host's network, asked for by name.
    Host,
}

/// How far a process is confined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// Docker's capabilities, the system call filter.
    #[default]
    Sandbox,
    /// All capabilities, no filter; needs the entitlement `security.insecure`.
    Insecure,
}

/// A line of `/etc/hosts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostEntry {
    /// The name.
    pub name: String,
    /// Where it leads: out of the key, as in BuildKit.
    pub address: String,
}

/// A resource limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ulimit {
    /// Docker's name, such as `nofile`.
    pub name: String,
    /// Soft limit; -1 for none.
    pub soft: i64,
    /// Hard limit; -1 for none.
    pub hard: i64,
}

impl Exec {
    /// The trees that its mounts show, in the order of the mounts.
    pub(super) fn reads(&self) -> Vec<Read> {
        let read = |mount: &Mount| match &mount.kind {
            MountKind::Bind { input, source } | MountKind::Cache { seed: Some((input, source)), .. } => {
                Some(Read { input: *input, paths: vec![source.clone()] })
            }
            MountKind::Cache { seed: None, .. }
            | MountKind::Tmpfs { .. }
            | MountKind::Secret { .. }
            | MountKind::Ssh { .. } => None,
        };
        self.mounts.iter().filter_map(read).collect()
    }
}
