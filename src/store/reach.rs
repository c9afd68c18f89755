//! What a name needs: manifests, configs, layers. SPEC: image-spec manifest.md, image-index.md.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;

use serde::Deserialize;

use super::layout::Layout;
use crate::oci::{DiffId, Digest, ImageConfig};

/// What a name needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Closure {
    /// Manifests, configs, and layers in the form in which the manifest names them.
    pub blobs: BTreeSet<Digest>,
    /// Layers, in whatever form.
    pub layers: BTreeSet<DiffId>,
}

/// An index, a manifest, or something with the same members.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    manifests: Option<Vec<Pointer>>,
    #[serde(default)]
    config: Option<Pointer>,
    #[serde(default)]
    layers: Option<Vec<Pointer>>,
}

#[derive(Deserialize)]
struct Pointer {
    digest: Digest,
}

/// LIMIT: ours; registries stop at 4 MiB.
const DOCUMENT: u64 = 1 << 25;

/// LIMIT: an index of indexes of manifests is already more than anybody makes.
const DEPTH: u32 = 4;

/// What the manifest or index with that digest needs. What is missing, or cannot be read, needs nothing.
pub fn closure(layout: &Layout, root: Digest) -> Closure {
    let mut closure = Closure::default();
    let mut level = vec![root];
    for _ in 0..DEPTH {
        let mut next = Vec::new();
        for digest in level {
            if !closure.blobs.insert(digest) {
                continue;
            }
            let Some(document) = read(layout, &digest) else { continue };
            let Ok(document) = serde_json::from_slice::<Document>(&document) else { continue };
            next.extend(document.manifests.into_iter().flatten().map(|p| p.digest));
            closure.blobs.extend(document.layers.into_iter().flatten().map(|p| p.digest));
            let Some(config) = document.config else { continue };
            closure.blobs.insert(config.digest);
            let config = read(layout, &config.digest);
            if let Some(config) = config.and_then(|c| serde_json::from_slice::<ImageConfig>(&c).ok()) {
                closure.layers.extend(config.rootfs.diff_ids);
            }
        }
        level = next;
    }
    closure
}

/// A document, verified, without marking it as used.
fn read(layout: &Layout, digest: &Digest) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(layout.blob(digest)).ok()?.take(DOCUMENT + 1).read_to_end(&mut bytes).ok()?;
    (Digest::of(&bytes) == *digest).then_some(bytes)
}
