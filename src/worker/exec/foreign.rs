//! A RUN for another processor than this machine's.

use std::path::Path;

use crate::oci::Platform;
use crate::sandbox::{self, Cancel, Emulator, Processor, Wanted};
use crate::tree::{Kind, Last, RootPath};
use crate::worker::error::Error;
use crate::worker::trees::Tree;

/// What a sandbox must be given to run programs of a platform; none if the kernel runs them, an error if nothing does.
pub(super) fn emulator(
    platform: &Platform,
    tree: &Tree<'_>,
    beside: &Path,
    cancel: &Cancel,
) -> Result<Option<Emulator>, Error> {
    let host = Platform::host();
    if platform.os != host.os {
        let message = format!("RUN for {platform}: this machine runs programs of {} only", host.os);
        return Err(Error::Unsupported(message));
    }
    let is_in_root = |path: &Path| is_executable(tree, path);
    let wanted = Wanted {
        architecture: &platform.architecture,
        host: &host.architecture,
        beside,
        is_in_root: &is_in_root,
    };
    match sandbox::processor(&wanted, cancel)? {
        Processor::Kernel => Ok(None),
        Processor::Emulator(emulator) => Ok(Some(emulator)),
    }
}

fn is_executable(tree: &Tree<'_>, path: &Path) -> bool {
    let Some(path) = path.to_str().and_then(|path| RootPath::clean(path).ok()) else { return false };
    let Ok(at) = tree.stack.resolve(&path, Last::Follow) else { return false };
    let found = tree.stack.get(&at);
    found.is_some_and(|node| matches!(node.entry.kind, Kind::File { .. }) && node.entry.mode & 0o111 != 0)
}
