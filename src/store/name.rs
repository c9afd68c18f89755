//! Names: which image a reference stands for.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::frame::Kind;
use super::healed::ObjectKind;
use super::layout::digest_of;
use super::open::Store;
use super::process::list;
use crate::oci::{Digest, MediaType, Reference, canonical};

/// An image under a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    /// Its manifest or index, which is a blob here.
    pub manifest: Target,
    /// How it came here.
    pub origin: Origin,
    /// Seconds since 1970 when the name was set.
    pub time: i64,
}

/// A manifest or an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// What it is.
    pub media_type: MediaType,
    /// Of its bytes.
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
}

/// How an image came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Made by a build: kept until its name is removed.
    Built,
    /// From a registry: a cache, which can be fetched again.
    Pulled,
    /// From a file: kept until its name is removed.
    Imported,
}

/// A name as it is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    reference: Reference,
    name: Name,
}

impl Store {
    /// What `reference` stands for here; nothing if its manifest is gone.
    pub fn name(&self, reference: &Reference) -> Result<Option<Name>, Error> {
        let Some(name) = self.read_name(&self.disk.layout.name(reference))? else { return Ok(None) };
        let whole = self.blob_size(&name.1.manifest.digest)? == Some(name.1.manifest.size);
        Ok((whole && name.0 == *reference).then_some(name.1))
    }

    /// Makes `reference` stand for `name`, in place of what it stood for. All that was written before is made durable
    /// first.
    pub fn set_name(&self, reference: &Reference, name: &Name) -> Result<(), Error> {
        // ORDER: after a power cut a name must not stand for an image that is not there.
        self.sync()?;
        let stored = Stored { reference: reference.clone(), name: name.clone() };
        let path = self.disk.layout.name(reference);
        let payload = canonical(&stored);
        self.with_room(|| self.disk.write_framed(Kind::Name, file_name(&path), &path, &payload))?;
        self.sync()
    }

    fn read_name(&self, path: &Path) -> Result<Option<(Reference, Name)>, Error> {
        let Some(bytes) = self.disk.read_framed(Kind::Name, file_name(path), path)? else {
            return Ok(None);
        };
        match serde_json::from_slice::<Stored>(&bytes) {
            Ok(Stored { reference, name }) => Ok(Some((reference, name))),
            Err(e) => {
                self.disk.remove(path)?;
                self.disk.note(ObjectKind::Name, path, e.to_string());
                Ok(None)
            }
        }
    }

    /// Removes a name; false if there was none. What it kept stays until the next prune.
    pub fn remove_name(&self, reference: &Reference) -> Result<bool, Error> {
        self.disk.remove(&self.disk.layout.name(reference))
    }

    /// All names, sorted.
    pub fn names(&self) -> Result<Vec<(Reference, Name)>, Error> {
        let mut names = Vec::new();
        for entry in list(&self.disk.layout.directory("names"))? {
            if digest_of(&entry.file_name()).is_some() {
                let path = entry.path();
                // To be listed is no use.
                let known = self.disk.peek_framed(Kind::Name, file_name(&path), &path);
                match known.and_then(|bytes| serde_json::from_slice::<Stored>(&bytes).ok()) {
                    Some(Stored { reference, name }) => names.push((reference, name)),
                    None => names.extend(self.read_name(&path)?),
                }
            }
        }
        names.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(names)
    }
}

fn file_name(path: &Path) -> &[u8] {
    path.file_name().unwrap_or_default().as_bytes()
}
