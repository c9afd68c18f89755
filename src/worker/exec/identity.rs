//! The image's own `/etc/passwd` and `/etc/group`, read from its layers.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::{Arc, Mutex, PoisonError};

use crate::oci::Digest;
use crate::store::Store;
use crate::tree::{Kind, Last, RootPath};
use crate::worker::copy::OwnerFiles;
use crate::worker::error::Error;
use crate::worker::trees::Tree;

/// LIMIT: larger files are refused, not read: a hostile image must not fill the memory.
const LARGEST: u64 = 4 << 20;

/// The two files, as far as the image has them.
#[derive(Clone, Debug, Default)]
pub struct IdentityFiles {
    passwd: Option<Arc<[u8]>>,
    group: Option<Arc<[u8]>>,
}

/// What was read before, by digest: in a base that came compressed each look would decompress what lies before the file.
#[derive(Debug, Default)]
pub struct IdentityMemory(Mutex<BTreeMap<Digest, Arc<[u8]>>>);

impl IdentityFiles {
    /// Reads both out of `tree`, following links inside it.
    pub(in crate::worker) fn read(
        store: &Store,
        tree: &Tree<'_>,
        memory: &IdentityMemory,
    ) -> Result<IdentityFiles, Error> {
        let file = |path: &str| read_file(store, tree, path, memory);
        Ok(IdentityFiles { passwd: file("etc/passwd")?, group: file("etc/group")? })
    }

    /// Borrowed, for the look-ups of `copy`.
    pub fn as_owner_files(&self) -> OwnerFiles<'_> {
        OwnerFiles { passwd: self.passwd.as_deref(), group: self.group.as_deref() }
    }
}

fn read_file(
    store: &Store,
    tree: &Tree<'_>,
    path: &str,
    memory: &IdentityMemory,
) -> Result<Option<Arc<[u8]>>, Error> {
    let path = tree.stack.resolve(&RootPath::clean(path)?, Last::Follow)?;
    let Some(place) = tree.stack.get(&path).and_then(|node| node.place) else { return Ok(None) };
    let Kind::File { digest, .. } = &tree.stack.layers()[place.layer][place.index].kind else {
        return Ok(None);
    };
    let known = || memory.0.lock().unwrap_or_else(PoisonError::into_inner);
    let before = known().get(digest).cloned();
    if before.is_some() {
        return Ok(before);
    }
    let contents = tree.contents(store, &[place])?;
    let mut bytes = Vec::new();
    contents
        .open(place)?
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(Error::io(format!("reading {path} of the image")))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Error::Unsupported(format!("{path} of the image is larger than {LARGEST} bytes")));
    }
    let bytes: Arc<[u8]> = bytes.into();
    known().insert(*digest, Arc::clone(&bytes));
    Ok(Some(bytes))
}
