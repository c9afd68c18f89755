//! Which isolation is possible here, by its name in the order of tiers.

use std::fmt;

use super::error::Error;
use crate::sys::{Privilege, privilege, userns};

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
