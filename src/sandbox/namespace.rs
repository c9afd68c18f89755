//! What a program does before it can run sandboxes: which privilege it has, signals, and entering a user namespace.

pub use crate::sys::privilege::{Privilege, privilege};
pub use crate::sys::signals::Signals;
pub use crate::sys::userns::{Inherit, enter};
