//! How much room things take on disk.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::sys::{Privilege, privilege};

/// Bytes that a file takes.
pub fn file_size(metadata: &fs::Metadata) -> u64 {
    // SPEC: stat(2): blocks are of 512 bytes, whatever the file system's are.
    metadata.blocks() * 512
}

/// Bytes that a tree takes, a file of several names once. What cannot be looked at counts nothing.
pub fn tree_size(dir: &Path) -> u64 {
    let mut links = BTreeSet::new();
    let mut bytes = 0;
    for entry in walkdir::WalkDir::new(dir).follow_root_links(false).into_iter().flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        let linked = !metadata.is_dir() && metadata.nlink() > 1;
        if !linked || links.insert((metadata.dev(), metadata.ino())) {
            bytes += file_size(&metadata);
        }
    }
    bytes
}

/// Bytes of the file system that are used, and that are free for us: what it keeps back for root is free for root of the
/// machine.
pub fn file_system(path: &Path) -> std::io::Result<(u64, u64)> {
    let fs = rustix::fs::statvfs(path)?;
    let used = fs.f_blocks.saturating_sub(fs.f_bfree).saturating_mul(fs.f_frsize);
    let free = if privilege() == Privilege::Root { fs.f_bfree } else { fs.f_bavail };
    Ok((used, free.saturating_mul(fs.f_frsize)))
}
