//! Why a build context does not have a path: a slip of the hand, or the ignore file.

use std::collections::{BTreeMap, BTreeSet};

use super::context::{Context, ContextFiles};
use super::copy::{Error, near_names};
use crate::oci::Digest;
use crate::source::ContextModes;
use crate::tree::{Entry, Kind, Patterns, RootPath, Stack, Time};

/// The same error, with the names that may have been meant.
///
/// A scan lists only what the build can read, so the names beside it are looked for now.
pub(super) fn explain(error: Error, context: &Context) -> Error {
    let Error::NotFound { path, .. } = &error else { return error };
    let Ok(missing) = RootPath::clean(path) else { return error };
    let around = match &context.files {
        ContextFiles::Directory(local) => stack(local.names_around(&missing)),
        ContextFiles::Archive(archive) => {
            match archive.context(&Patterns::default(), ContextModes::Normalise, None) {
                Ok((entries, ..)) => Stack::new(vec![entries]),
                Err(_) => return error,
            }
        }
        // What was fetched was looked at whole: the error has the names already.
        ContextFiles::Layer(_) | ContextFiles::Empty => return error,
    };
    if around.get(&missing).is_some() {
        return Error::Ignored { path: path.clone() };
    }
    let near = near_names(&around, &missing);
    Error::NotFound { path: path.clone(), near }
}

fn stack(names: Vec<(RootPath, bool)>) -> Stack {
    let mut all: BTreeMap<RootPath, bool> = BTreeMap::new();
    let mut above = BTreeSet::new();
    for (path, is_directory) in names {
        let mut parent = path.parent();
        while let Some(directory) = parent.filter(|p| !p.is_root()) {
            parent = directory.parent();
            above.insert(directory);
        }
        all.insert(path, is_directory);
    }
    all.extend(above.into_iter().map(|path| (path, true)));
    let entry = |(path, is_directory)| Entry {
        path,
        kind: if is_directory {
            Kind::Directory
        } else {
            Kind::File { size: 0, digest: Digest::from_bytes([0; 32]) }
        },
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtime: Time::default(),
        xattrs: BTreeMap::new(),
    };
    let mut entries: Vec<Entry> = all.into_iter().map(entry).collect();
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    Stack::new(vec![entries.into()])
}
