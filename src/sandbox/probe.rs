//! Which isolation is possible here, by its name in the order of tiers.

use std::fmt;
use std::sync::OnceLock;

use super::error::Error;
use crate::sys::clone::{Namespaces, spawn};
use crate::sys::rustix::io::Errno;
use crate::sys::{Privilege, mount, privilege, process, userns};

/// A tier of isolation, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isolation {
    /// Root of the machine makes the namespaces.
    Root,
    /// A user namespace with subordinate ids: root inside is nobody outside.
    UserNamespace,
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Isolation::Root => "root",
            Isolation::UserNamespace => "user namespace",
        })
    }
}

/// Whose processes a RUN sees in `/proc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcOf {
    /// Its own alone.
    Process,
    /// Those of the container that rbuild is in: where `/proc` is covered in part, as container engines do, the kernel gives
    /// no fresh one to a user namespace. It can reach none of those outside of its own user namespace.
    Container,
}

/// Whose processes a RUN of this process will see. Makes the real call, once.
pub fn proc_of() -> ProcOf {
    static KNOWN: OnceLock<ProcOf> = OnceLock::new();
    *KNOWN.get_or_init(|| {
        if privilege() != Privilege::UserNamespace {
            return ProcOf::Process;
        }
        let mut mounted = Err(Errno::PERM);
        let namespaces = Namespaces::PID.and(Namespaces::MOUNT);
        let child = spawn(namespaces, &mut || mounted = mount::fresh(c"proc", &[], mount::INERT).map(drop));
        let waited = child.and_then(|child| process::wait(&child.pidfd));
        match (waited, mounted) {
            // What sees this process there could otherwise read its memory, and go through it to all files.
            (Ok(_), Err(Errno::PERM)) if process::hide().is_ok() => ProcOf::Container,
            // Whatever else is wrong is told by who wants to use it.
            _ => ProcOf::Process,
        }
    })
}

/// The isolation that a RUN will have, or why there is none, with the fix. Makes the real calls.
pub fn probe() -> Result<Isolation, Error> {
    match privilege() {
        Privilege::Root => Ok(Isolation::Root),
        Privilege::UserNamespace => Ok(Isolation::UserNamespace),
        Privilege::NeedsUserNamespace => {
            userns::check()?;
            Ok(Isolation::UserNamespace)
        }
    }
}

/// The isolation of a process that is privileged already, as `run` needs it.
pub(super) fn isolation() -> Result<Isolation, Error> {
    match privilege() {
        Privilege::Root => Ok(Isolation::Root),
        Privilege::UserNamespace => Ok(Isolation::UserNamespace),
        Privilege::NeedsUserNamespace => {
            userns::check()?;
            Err(Error::Invalid("the user namespace must be entered before a sandbox is run".to_owned()))
        }
    }
}
