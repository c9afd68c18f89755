//! What a RUN changed.

use std::collections::HashSet;
use std::os::fd::BorrowedFd;

use super::error::Error;
use super::small::SmallFiles;
use super::upper::read_tree;
use crate::oci::Epoch;
use crate::tree::{Changed, Entry, RootPath, Stack, run_layer};

/// Reads the upper directory of an overlay over `lower` as the canonical layer; costs as much as the upper directory
/// holds. `made` is left out.
pub(super) fn changes(
    upper: BorrowedFd<'_>,
    made: &[RootPath],
    lower: &Stack,
    epoch: Epoch,
) -> Result<(Vec<Changed>, SmallFiles), Error> {
    let (mut entries, small) = read_tree(upper)?;
    leave_out(&mut entries, made);
    for entry in &entries {
        // SPEC: image-spec layer.md, "Whiteouts": such a name would remove its neighbour.
        if entry.path.name().starts_with(b".wh.") {
            let reason = "a name that starts with .wh. means a removal in a layer and cannot be in an image";
            return Err(Error::List { path: entry.path.clone(), reason });
        }
    }
    Ok((run_layer(lower, entries, epoch)?, small))
}

/// Drops the mount points that the sandbox made, and a directory among them unless something else was put into it.
fn leave_out(entries: &mut Vec<Entry>, made: &[RootPath]) {
    if made.is_empty() {
        return;
    }
    let made: HashSet<&RootPath> = made.iter().collect();
    let mut holds_something = HashSet::new();
    let mut keep: Vec<bool> = entries
        .iter()
        .rev()
        .map(|entry| {
            let keep = !made.contains(&entry.path) || holds_something.contains(&entry.path);
            if keep {
                holds_something.extend(entry.path.parent());
            }
            keep
        })
        .collect();
    entries.retain(|_| keep.pop().unwrap_or(true));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Time;

    fn path(text: &str) -> RootPath {
        RootPath::clean(text).expect("valid")
    }

    #[test]
    fn a_mount_point_is_left_out_unless_the_run_put_something_beside_it() {
        let entries = ["", "etc", "etc/hosts", "mnt", "mnt/a", "srv", "srv/deep", "srv/file"];
        let mut entries: Vec<Entry> =
            entries.iter().map(|p| Entry::directory(path(p), Time::default())).collect();
        leave_out(&mut entries, &["mnt", "mnt/a", "srv", "srv/deep", "etc/hosts"].map(path));
        let left: Vec<String> = entries.iter().map(|e| e.path.to_string()).collect();
        assert_eq!(left, ["/", "/etc", "/srv", "/srv/file"]);
    }
}
