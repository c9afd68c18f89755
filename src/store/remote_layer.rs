//! A layer that is known but not here: what it is, how it will be kept, and where its bytes can be had.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::layer_record::Layer;
use super::open::Store;
use crate::layer::{Compression, LayerList};
use crate::oci::{Descriptor, DiffId, Digest, Digesting, MediaType, canonical, new_descriptor};

/// A layer whose bytes nobody has looked at here. All of it is a claim until they come.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteLayer {
    /// Of the uncompressed tar.
    pub diff_id: DiffId,
    /// The blob there.
    pub blob: Descriptor,
    /// How it is kept once it is here.
    pub kept: Kept,
    /// Repositories (`registry/repository`) that have the blob.
    pub places: Vec<String>,
}

/// How a layer that comes is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// In the form in which it comes: a base image's.
    AsItComes,
    /// As the plain tar that doing the step would have left: where a layer came from changes no byte of an image.
    Plain {
        /// Bytes of the tar.
        tar_size: u64,
        /// What of ours makes the blob of the tar, if that is known.
        made_by: Option<Compression>,
    },
}

impl RemoteLayer {
    /// The form in which the store would keep it.
    pub fn descriptor(&self) -> Descriptor {
        match self.kept {
            Kept::AsItComes => self.blob.clone(),
            Kept::Plain { tar_size, .. } => new_descriptor(MediaType::ImageLayer, self.diff_id.0, tar_size),
        }
    }
}

/// A layer of an image.
#[derive(Clone, Debug)]
pub enum ImageLayer {
    /// In the store, verified.
    Here(Arc<Layer>),
    /// Known, and to be fetched if its bytes are needed.
    Remote(Arc<RemoteLayer>),
}

impl ImageLayer {
    /// Of the uncompressed tar.
    pub fn diff_id(&self) -> DiffId {
        match self {
            ImageLayer::Here(layer) => layer.diff_id,
            ImageLayer::Remote(layer) => layer.diff_id,
        }
    }

    /// What it is to an image in the store.
    pub fn descriptor(&self) -> Descriptor {
        match self {
            ImageLayer::Here(layer) => layer.descriptor(),
            ImageLayer::Remote(layer) => layer.descriptor(),
        }
    }
}

/// Why a layer could not be had; told to whoever asked, in one line.
pub type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// Somebody who knows of layers that are not here: a remote cache.
pub trait LayerSource: Sync {
    /// Whether it knows of nothing at all.
    fn is_empty(&self) -> bool;

    /// What is known of a layer; none if nothing is, or if it was forgotten.
    fn remote(&self, diff_id: DiffId) -> Option<Arc<RemoteLayer>>;

    /// The entries that a layer is said to have. They may be used for what is not kept; whoever has its bytes compares.
    fn claimed(&self, diff_id: DiffId) -> Option<LayerList>;

    /// Writes the layer's blob to `out`; size and digest were those of its descriptor if this succeeds.
    fn fetch(
        &self,
        layer: &RemoteLayer,
        out: &mut dyn Digesting,
        progress: &dyn Fn(u64),
        canceled: &dyn Fn() -> bool,
    ) -> Result<(), Trouble>;

    /// What was said of the layer is not true, or its bytes cannot be had: it is told, and not used again.
    fn forget(&self, diff_id: DiffId, reason: &str);

    /// The digest of what is selected of a chain of layers, as it is claimed, by a digest of chain and selection.
    fn selection(&self, of: &Digest) -> Option<Digest>;

    /// Hears of a selection that a step of this build uses.
    fn learn(&self, of: &Digest, digest: &Digest);
}

/// Nobody.
pub struct NoSource;

impl LayerSource for NoSource {
    fn is_empty(&self) -> bool {
        true
    }

    fn remote(&self, _: DiffId) -> Option<Arc<RemoteLayer>> {
        None
    }

    fn claimed(&self, _: DiffId) -> Option<LayerList> {
        None
    }

    fn fetch(
        &self,
        layer: &RemoteLayer,
        _: &mut dyn Digesting,
        _: &dyn Fn(u64),
        _: &dyn Fn() -> bool,
    ) -> Result<(), Trouble> {
        Err(format!("nobody has layer {}", layer.diff_id).into())
    }

    fn forget(&self, _: DiffId, _: &str) {}

    fn selection(&self, _: &Digest) -> Option<Digest> {
        None
    }

    fn learn(&self, _: &Digest, _: &Digest) {}
}

/// As it is stored.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Noted {
    blob: Digest,
    size: u64,
    media_type: MediaType,
    tar_size: Option<u64>,
    places: Vec<String>,
}

impl Store {
    /// Remembers where a layer that an image needs can be had, for who needs its bytes later.
    pub fn note_remote_layer(&self, layer: &RemoteLayer) -> Result<(), Error> {
        let noted = Noted {
            blob: crate::oci::descriptor_digest(&layer.blob)
                .map_err(|_| Error::MissingBlob(layer.diff_id.0))?,
            size: layer.blob.size(),
            media_type: layer.blob.media_type().clone(),
            tar_size: match layer.kept {
                Kept::AsItComes => None,
                Kept::Plain { tar_size, .. } => Some(tar_size),
            },
            places: layer.places.clone(),
        };
        let (key, bytes) = (key(layer.diff_id), canonical(&noted));
        if self.record(&key)?.is_some_and(|known| known == bytes) {
            return Ok(());
        }
        self.put_record(&key, &bytes, &[])
    }

    /// What was noted of a layer that is not here.
    pub fn remote_layer(&self, diff_id: DiffId) -> Result<Option<RemoteLayer>, Error> {
        let Some(bytes) = self.record(&key(diff_id))? else { return Ok(None) };
        let Ok(Noted { blob, size, media_type, tar_size, places }) = serde_json::from_slice(&bytes) else {
            return Ok(None);
        };
        let kept = tar_size.map_or(Kept::AsItComes, |tar_size| Kept::Plain { tar_size, made_by: None });
        Ok(Some(RemoteLayer { diff_id, blob: new_descriptor(media_type, blob, size), kept, places }))
    }
}

fn key(diff_id: DiffId) -> Digest {
    Digest::of(format!("rbuild remote layer, format 1\n{diff_id}\n").as_bytes())
}
