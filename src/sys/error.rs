//! Why a user namespace cannot be had: the call, its errno, the setting, and the exact fix.

use std::path::PathBuf;

use rustix::io::Errno;

/// Why a user namespace cannot be entered. Each message ends with what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum UsernsError {
    /// The user has no line in `/etc/subuid` or `/etc/subgid`.
    #[error(
        "RUN as an ordinary user needs subordinate ids, and {file} has none for {user} (uid {uid})\n\
         fix, as root: add this line to /etc/subuid and to /etc/subgid:\n    {user}:{start}:65536\n\
         or run rbuild with sudo; in a container, as its root (Kubernetes: runAsUser: 0)"
    )]
    NoSubordinateIds {
        /// The file that lacks the line.
        file: &'static str,
        /// The name, or the number where there is no name.
        user: String,
        /// The number.
        uid: u32,
        /// A start that no line of either file uses.
        start: u32,
    },
    /// `newuidmap` or `newgidmap` is not installed.
    #[error(
        "RUN as an ordinary user needs {program}, which is not in PATH\n\
         fix: install the package that has it (apt-get install uidmap; dnf install shadow-utils), \
         or run rbuild with sudo"
    )]
    HelperMissing {
        /// Which of the two.
        program: &'static str,
    },
    /// `newuidmap` or `newgidmap` refused.
    #[error(
        "{program} refused to map the subordinate ids: {said}\n\
         fix: check that {program} is set-user-id root (or has its file capability), that the file system it is on is \
         not mounted nosuid, and that {file} still names you; or run rbuild with sudo"
    )]
    HelperRefused {
        /// Which of the two.
        program: &'static str,
        /// The file that it consults.
        file: &'static str,
        /// What it wrote.
        said: String,
    },
    /// Ubuntu's AppArmor setting.
    #[error(
        "{call}: {errno}: AppArmor takes the capabilities out of user namespaces here \
         (kernel.apparmor_restrict_unprivileged_userns=1)\n\
         fix, as root: write this to /etc/apparmor.d/rbuild and run `apparmor_parser -r /etc/apparmor.d/rbuild`:\n\
         abi <abi/4.0>,\ninclude <tunables/global>\nprofile rbuild \"{}\" flags=(unconfined) {{\n  userns,\n}}\n\
         or run rbuild with sudo", program.display()
    )]
    AppArmor {
        /// The call that failed.
        call: &'static str,
        /// With what.
        errno: Errno,
        /// This binary's real path.
        program: PathBuf,
    },
    /// The AppArmor profile of a container.
    #[error(
        "{call}: {errno}: the AppArmor profile of this container forbids it ({profile})\n\
         fix, outside: start the container with --security-opt apparmor=unconfined (Kubernetes: \
         securityContext.appArmorProfile.type: Unconfined)"
    )]
    Profile {
        /// The call that failed.
        call: &'static str,
        /// With what.
        errno: Errno,
        /// As the kernel names it.
        profile: String,
    },
    /// A seccomp filter above us, as containers have.
    #[error(
        "{call}: {errno}: a seccomp filter forbids it (Seccomp: 2 in /proc/self/status; this is a container's profile)\n\
         fix, outside: start the container with --security-opt seccomp=unconfined (Kubernetes: \
         securityContext.seccompProfile.type: Unconfined)"
    )]
    Seccomp {
        /// The call that failed.
        call: &'static str,
        /// With what.
        errno: Errno,
    },
    /// A kernel setting that switches user namespaces off.
    #[error(
        "{call}: {errno}: user namespaces are switched off ({setting}={value})\n\
         fix, as root: sysctl -w {setting}={wanted}; or run rbuild with sudo"
    )]
    Setting {
        /// The call that failed.
        call: &'static str,
        /// With what.
        errno: Errno,
        /// The setting's name.
        setting: &'static str,
        /// What it is.
        value: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// Root of a container that may neither mount nor map ids.
    #[error(
        "this process is root of a container, without CAP_SYS_ADMIN and without CAP_{missing}: RUN needs mounts, or the ids \
         of a user namespace\n\
         fix: give the container back the capabilities that Docker and containerd give by default (Kubernetes: \
         securityContext.capabilities.add), or run rbuild as an ordinary user with subordinate ids"
    )]
    ContainerRoot {
        /// The names, without the first `CAP_`.
        missing: String,
    },
    /// `no_new_privs` keeps newuidmap from working.
    #[error(
        "no_new_privs is set on this process (NoNewPrivs: 1 in /proc/self/status), so newuidmap cannot map ids\n\
         fix: start rbuild without it (systemd: NoNewPrivileges=no; Kubernetes: allowPrivilegeEscalation: true)"
    )]
    NoNewPrivileges,
    /// Any other refusal.
    #[error("{call}: {errno}\nfix: run rbuild with sudo; in a container, allow the call")]
    Refused {
        /// The call that failed.
        call: &'static str,
        /// With what.
        errno: Errno,
    },
    /// The machinery around it failed.
    #[error("cannot start rbuild in a user namespace: {0}")]
    Io(#[from] std::io::Error),
}

impl From<Errno> for UsernsError {
    fn from(errno: Errno) -> UsernsError {
        UsernsError::Io(errno.into())
    }
}
