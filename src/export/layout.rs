//! An image layout as a directory. SPEC: image-spec image-layout.md.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use super::archive::Dialect;
use super::blob::{Blob, Bytes, Encode, blob, open};
use super::documents::documents;
use super::error::Error;
use super::finished::{Exported, ImageSet};
use super::whole_file::{WholeFile, put_file};
use crate::image::{Index, blob_path, docker_manifest, layout_marker};
use crate::oci::{Digest, Hasher, descriptor_digest};
use crate::store::{Layer, Store};

/// Writes the layout. Blobs come first, then `index.json` is exchanged: a reader finds all that it names at any time, and
/// images that were there before stay.
pub(super) fn layout(
    store: &Store,
    set: &ImageSet,
    to: &Path,
    encode: Encode,
    dialect: Dialect,
) -> Result<Exported, Error> {
    if fs::metadata(to).is_ok_and(|there| !there.is_dir()) {
        let reason = "is not a directory, and tar=false asks for one: remove it, or leave tar=false out";
        return Err(Error::Kind { path: to.to_path_buf(), reason });
    }
    let blobs = to.join("blobs/sha256");
    fs::create_dir_all(&blobs).map_err(Error::destination("make", &blobs))?;
    let held = File::open(to).map_err(Error::destination("open", to))?;
    // Two builds into one layout would lose one's names.
    flock(&held, FlockOperation::LockExclusive).map_err(Error::destination("lock", to))?;
    let mut layers = BTreeMap::new();
    for layer in &set.here()? {
        let blob = blob(store, layer, encode, &blobs, true)?;
        layers.insert(layer.diff_id, blob.descriptor.clone());
        place(store, layer, encode, blob, to)?;
    }
    let documents = documents(set, &layers)?;
    for document in documents.all() {
        put_file(&to.join(blob_path(&Digest::of(&document.bytes))), &document.bytes)?;
    }
    put_file(&to.join("oci-layout"), layout_marker())?;
    if dialect == Dialect::Docker {
        put_file(&to.join("manifest.json"), &docker_manifest(&documents.images[0], &set.names)?)?;
    }
    let path = to.join("index.json");
    let mut index = match fs::read(&path) {
        Ok(bytes) => Index::parse(&bytes)?,
        Err(e) if e.kind() == io::ErrorKind::NotFound => Index::new(),
        Err(e) => return Err(Error::destination("read", path)(e)),
    };
    index.put(&documents.named(set));
    put_file(&path, &index.render())?;
    Ok(documents.exported())
}

/// Puts a layer's blob where the layout keeps it, unless it is there.
fn place(store: &Store, layer: &Layer, encode: Encode, blob: Blob, to: &Path) -> Result<(), Error> {
    let digest = descriptor_digest(&blob.descriptor).expect("made from a digest of ours");
    let path = to.join(blob_path(&digest));
    if !matches!(blob.bytes, Bytes::Made(_)) && is_there(&path, &digest, blob.descriptor.size()) {
        return Ok(());
    }
    let directory = to.join("blobs/sha256");
    let bytes = open(store, layer, encode, blob, &directory)?;
    let mut out = WholeFile::new(&path)?;
    out.copy(bytes).map_err(Error::destination("write", &path))?;
    out.finish()
}

/// Whether the file has exactly these bytes.
fn is_there(path: &Path, digest: &Digest, size: u64) -> bool {
    let Ok(mut file) = File::open(path) else { return false };
    if !file.metadata().is_ok_and(|there| there.is_file() && there.len() == size) {
        return false;
    }
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return hasher.finish() == *digest,
            Ok(count) => hasher.update(&buffer[..count]),
            Err(_) => return false,
        }
    }
}
