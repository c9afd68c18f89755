//! Starting helper programs (git, newuidmap) with an ordinary signal state.
#![allow(unsafe_code)]

use std::os::unix::process::CommandExt;
use std::process::Command;

/// Lets the program receive the signals that `Signals::block` keeps from us.
pub fn with_default_signals(command: &mut Command) -> &mut Command {
    // SAFETY: the hook makes system calls only.
    unsafe {
        command.pre_exec(|| {
            super::signals::reset_in_child();
            Ok(())
        })
    }
}
