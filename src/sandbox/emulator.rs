//! An emulator that the kernel starts for programs of another processor, in sandboxes that are given it.

use std::path::PathBuf;
use std::sync::Arc;

use crate::sys::binfmt::Instance;

/// An emulator of this machine's, registered for sandboxes alone: neither the host nor an image knows of it.
#[derive(Clone, Debug)]
pub struct Emulator {
    pub(super) instance: Arc<Instance>,
    pub(super) program: PathBuf,
}

impl Emulator {
    /// The emulator's program.
    pub fn program(&self) -> &std::path::Path {
        &self.program
    }
}
