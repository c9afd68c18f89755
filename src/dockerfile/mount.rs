//! The value of `RUN --mount=`, typed.

/// One mount of a RUN, its options read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mount {
    /// `type=bind`, and the default.
    Bind(Bind),
    /// `type=cache`.
    Cache(Cache),
    /// `type=tmpfs`.
    Tmpfs(Tmpfs),
    /// `type=secret`.
    Secret(Secret),
    /// `type=ssh`.
    Ssh(Ssh),
}

/// A path of a stage, image or context, seen at `target`; writes are thrown away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bind {
    /// Where; relative means under WORKDIR, empty means WORKDIR itself.
    pub target: String,
    /// The path in `from`; empty means its root.
    pub source: String,
    /// Stage, image or named context; `None` is the build context.
    pub from: Option<String>,
    /// Whether writing is refused (the default) or thrown away.
    pub read_only: bool,
}

/// A directory that outlives the build.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cache {
    /// Where; relative means under WORKDIR.
    pub target: String,
    /// Which cache; `None` means the cleaned target.
    pub id: Option<String>,
    /// What happens when two RUNs want it at once.
    pub sharing: Sharing,
    /// Stage, image or named context that a new cache starts from; `None` starts empty.
    pub from: Option<String>,
    /// The path in `from`; empty means its root.
    pub source: String,
    /// Whether writing is refused.
    pub read_only: bool,
    /// Mode of a new cache's root; 0755 where not given.
    pub mode: Option<u32>,
    /// Owner of a new cache's root; 0 where not given.
    pub uid: Option<u32>,
    /// Group of a new cache's root; 0 where not given.
    pub gid: Option<u32>,
}

/// What happens when two RUNs want one cache at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sharing {
    /// Both write.
    #[default]
    Shared,
    /// The second gets a new one.
    Private,
    /// The second waits.
    Locked,
}

/// Memory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tmpfs {
    /// Where; relative means under WORKDIR.
    pub target: String,
    /// The size limit in bytes; 0 is none.
    pub size: u64,
    /// Whether writing is refused.
    pub read_only: bool,
}

/// A secret of the build, as a file, a variable or both.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Secret {
    /// Which: `id=`, else `source=`, else the target's last component.
    pub id: String,
    /// The file; `None` where only `env` was asked for, `/run/secrets/<last part of id>` where neither was.
    pub target: Option<String>,
    /// The variable.
    pub env: Option<String>,
    /// Whether a missing secret fails the RUN.
    pub required: bool,
    /// The file's mode, default 0400.
    pub mode: u32,
    /// The file's owner.
    pub uid: u32,
    /// The file's group.
    pub gid: u32,
}

/// An ssh agent's socket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ssh {
    /// Which agent; `default` where not given.
    pub id: String,
    /// The socket; `None` means `/run/buildkit/ssh_agent.N`.
    pub target: Option<String>,
    /// Whether a missing agent fails the RUN.
    pub required: bool,
    /// The socket's mode, default 0600.
    pub mode: u32,
    /// The socket's owner.
    pub uid: u32,
    /// The socket's group.
    pub gid: u32,
}
