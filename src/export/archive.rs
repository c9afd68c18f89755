//! An image layout in one tar, for `skopeo`, `podman load` and `docker load`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use tar::{EntryType, Header};

use super::blob::{Encode, blob, needed, open};
use super::destination::{Destination, Sink};
use super::documents::documents;
use super::error::Error;
use super::finished::{Exported, ImageSet};
use super::outgoing::Outgoing;
use crate::image::{Index, blob_path, docker_manifest, layout_marker};
use crate::oci::{Digest, descriptor_digest};
use crate::store::Store;

/// Which tools a layout is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// An image layout and nothing else.
    Oci,
    /// With Docker's `manifest.json` beside it.
    Docker,
}

/// Writes the archive.
///
/// ORDER: the marker, the layers of each image from the lowest up, configs and manifests, the lists that name them. Each
/// layer that was not compressed beside the steps is compressed when its turn comes, since its size stands before its bytes.
pub(super) fn archive(
    store: &Store,
    set: &ImageSet,
    to: &Destination,
    encode: Encode,
    dialect: Dialect,
    stdout: &mut dyn Write,
) -> Result<Exported, Error> {
    let stored = set.here()?;
    if *to == Destination::Stdout {
        // What went out cannot be taken back, so all that goes out as it is stored is verified first.
        for layer in &stored {
            if let Some(blob) = needed(store, layer, encode)?
                && !store.verify_blob(&blob)?
            {
                return Err(Error::Missing(blob));
            }
        }
    }
    let mut sink = Sink::open(to, stdout)?;
    let temporary = store.temp_dir()?;
    let directory = sink.directory().unwrap_or(temporary.path()).to_path_buf();
    put(&mut sink, "oci-layout", layout_marker())?;
    for path in ["blobs/", "blobs/sha256/"] {
        header(&mut sink, path, EntryType::Directory, 0)?;
    }
    let mut written = BTreeSet::new();
    let mut layers = BTreeMap::new();
    for layer in &stored {
        let blob = blob(store, layer, encode, &directory, false)?;
        let descriptor = blob.descriptor.clone();
        let digest = descriptor_digest(&descriptor).expect("made from a digest of ours");
        if written.insert(digest) {
            let bytes = open(store, layer, encode, blob, &directory)?;
            put_blob(&mut sink, &digest, descriptor.size(), bytes)?;
        }
        layers.insert(layer.diff_id, descriptor);
    }
    let documents = documents(set, &layers)?;
    for document in documents.all() {
        let digest = Digest::of(&document.bytes);
        if written.insert(digest) {
            put(&mut sink, &blob_path(&digest), &document.bytes)?;
        }
    }
    if dialect == Dialect::Docker {
        put(&mut sink, "manifest.json", &docker_manifest(&documents.images[0], &set.names)?)?;
    }
    let mut index = Index::new();
    index.put(&documents.named(set));
    put(&mut sink, "index.json", &index.render())?;
    sink.write_all(&[0; 1024]).map_err(|e| sink.error(e))?;
    sink.finish()?;
    Ok(documents.exported())
}

fn put(sink: &mut Sink<'_>, path: &str, bytes: &[u8]) -> Result<(), Error> {
    header(sink, path, EntryType::Regular, bytes.len() as u64)?;
    sink.write_all(bytes).map_err(|e| sink.error(e))?;
    pad(sink, bytes.len() as u64)
}

fn put_blob(sink: &mut Sink<'_>, digest: &Digest, size: u64, bytes: Outgoing) -> Result<(), Error> {
    header(sink, &blob_path(digest), EntryType::Regular, size)?;
    // A blob that shrank or grew since would shift everything after it.
    if sink.copy(bytes)? != size {
        return Err(Error::Missing(*digest));
    }
    pad(sink, size)
}

fn header(sink: &mut Sink<'_>, path: &str, kind: EntryType, size: u64) -> Result<(), Error> {
    let mut header = Header::new_ustar();
    header.set_path(path).map_err(|e| sink.error(e))?;
    header.set_entry_type(kind);
    header.set_mode(if kind == EntryType::Directory { 0o755 } else { 0o644 });
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.set_cksum();
    sink.write_all(header.as_bytes()).map_err(|e| sink.error(e))
}

fn pad(sink: &mut Sink<'_>, size: u64) -> Result<(), Error> {
    let rest = (512 - size % 512) % 512;
    sink.write_all(&[0; 512][..rest as usize]).map_err(|e| sink.error(e))
}
