//! How many files may be open at once.

use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// As this process was started with.
static BEFORE: OnceLock<Rlimit> = OnceLock::new();

/// Raises the limit as far as it may go: a build with many steps at once has several descriptors for each. Programs that
/// are run get the one from before.
pub fn raise() {
    let before = *BEFORE.get_or_init(|| getrlimit(Resource::Nofile));
    // What cannot be raised stays; then somebody hears of it when a file cannot be opened.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: before.maximum, ..before });
}

/// Takes that back, for a program that is to be started in place of this one.
pub fn restore() {
    if let Some(before) = before() {
        let _ = setrlimit(Resource::Nofile, before);
    }
}

/// The limit from before it was raised; none if it was not.
pub fn before() -> Option<Rlimit> {
    BEFORE.get().copied()
}
