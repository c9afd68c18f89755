//! Two images of the store, from their manifests down to their files.

use serde_json::{Map, Value};

use super::documents::{ValueDifference, value_differences};
use super::error::Error;
use super::findings::{Finding, Origin, compare_layers};
use super::pairing::{Pair, pair};
use crate::build::Found;
use crate::oci::{DiffId, Digest, ImageConfig};
use crate::store::Store;

/// Where two images differ, from the outside inwards. What holds for a level that differs holds for all above it.
#[derive(Clone, Debug)]
pub struct ImageDifference {
    /// The manifests.
    pub manifests: (Digest, Digest),
    /// The configs: image ids, which stand for all that a container sees.
    pub configs: (Digest, Digest),
    /// What is in them besides config and layers: annotations, types.
    pub manifest: Vec<ValueDifference>,
    /// The configs, with their histories and without the layers.
    pub config: Vec<ValueDifference>,
    /// The layers that are not the same in both, from the lowest.
    pub layers: Vec<LayerDifference>,
    /// How many layers are the same in both.
    pub same_layers: usize,
}

/// A layer of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerRef {
    /// From 1, the lowest first.
    pub number: usize,
    /// Its content.
    pub diff_id: DiffId,
    /// The blob that the manifest names.
    pub blob: String,
    /// What the history says of it.
    pub created_by: Option<String>,
}

/// How the layers of two images differ at one place.
#[derive(Clone, Debug)]
pub enum LayerDifference {
    /// One content in two forms: only its compression differs.
    Form(LayerRef, LayerRef),
    /// Two contents.
    Content(LayerRef, LayerRef, Vec<Finding>),
    /// Only the first has it.
    OnlyFirst(LayerRef),
    /// Only the second has it.
    OnlySecond(LayerRef),
}

impl ImageDifference {
    /// Whether the two are the same image, byte for byte.
    pub fn is_none(&self) -> bool {
        self.manifests.0 == self.manifests.1
    }

    /// The same, of the second image as it would be sent: with the manifest `sent`, and with its layers in the compressed forms
    /// that were made of them.
    pub fn as_sent(&mut self, store: &Store, sent: Digest) -> Result<(), Error> {
        self.manifests.1 = sent;
        let mut differing = Vec::with_capacity(self.layers.len());
        for layer in std::mem::take(&mut self.layers) {
            if let LayerDifference::Form(first, second) = &layer
                && let Some(made) = store.layer(second.diff_id)?
                && made.packed.iter().any(|packed| packed.digest.to_string() == first.blob)
            {
                self.same_layers += 1;
                continue;
            }
            differing.push(layer);
        }
        self.layers = differing;
        Ok(())
    }

    /// Whether the two are the same image, whatever form its layers have.
    pub fn is_same_image(&self) -> bool {
        self.configs.0 == self.configs.1
    }
}

/// Compares two images, all of whose layers are in the store.
pub fn compare_images(
    store: &Store,
    first: &Found,
    second: &Found,
    origin: Origin,
) -> Result<ImageDifference, Error> {
    let (one, two) = (layers(first), layers(second));
    let contents = |layers: &[LayerRef]| layers.iter().map(|layer| layer.diff_id).collect::<Vec<_>>();
    let is_like = |a: usize, b: usize| one[a].created_by.is_some() && one[a].created_by == two[b].created_by;
    let mut difference = ImageDifference {
        manifests: (first.digest, second.digest),
        configs: (first.id, second.id),
        manifest: manifests(store, first, second)?,
        config: configs(store, first, second)?,
        layers: Vec::new(),
        same_layers: 0,
    };
    for pair in pair(&contents(&one), &contents(&two), &is_like) {
        let layer = match pair {
            Pair::First(at) => LayerDifference::OnlyFirst(one[at].clone()),
            Pair::Second(at) => LayerDifference::OnlySecond(two[at].clone()),
            Pair::Both(a, b) if one[a].diff_id == two[b].diff_id => match one[a].blob == two[b].blob {
                true => {
                    difference.same_layers += 1;
                    continue;
                }
                false => LayerDifference::Form(one[a].clone(), two[b].clone()),
            },
            Pair::Both(a, b) => {
                let (one_chain, two_chain) =
                    (&first.config.rootfs.diff_ids[..=a], &second.config.rootfs.diff_ids[..=b]);
                let findings = compare_layers(store, one_chain, two_chain, origin)?;
                LayerDifference::Content(one[a].clone(), two[b].clone(), findings)
            }
        };
        difference.layers.push(layer);
    }
    Ok(difference)
}

fn layers(image: &Found) -> Vec<LayerRef> {
    let mut history = layer_history(&image.config).into_iter();
    let blobs = image.manifest.layers().iter().map(|layer| layer.digest().to_string());
    let layers = image.config.rootfs.diff_ids.iter().zip(blobs).enumerate();
    let layer = |(at, (diff_id, blob)): (usize, (&DiffId, String))| LayerRef {
        number: at + 1,
        diff_id: *diff_id,
        blob,
        created_by: history.next().flatten(),
    };
    layers.map(layer).collect()
}

/// What the history says of each layer, as far as it says anything.
fn layer_history(config: &ImageConfig) -> Vec<Option<String>> {
    let entries = config.history.iter().filter(|entry| !entry.empty_layer);
    entries.map(|entry| entry.created_by.clone()).collect()
}

/// LIMIT: as for documents of registries.
const LARGEST_DOCUMENT: u64 = 8 << 20;

/// Two documents as they are in the store, without the members that are compared by themselves: what was taken to be a
/// default when they were read would not be seen.
fn documents(
    store: &Store,
    digests: (Digest, Digest),
    without: &dyn Fn(&mut Map<String, Value>),
) -> Result<(Value, Value), Error> {
    let read = |digest: Digest| {
        let bytes = store.read_blob(&digest, LARGEST_DOCUMENT)?.ok_or(Error::Missing(digest))?;
        let mut value: Value =
            serde_json::from_slice(&bytes).map_err(|source| Error::Document { digest, source })?;
        value.as_object_mut().map(without);
        Ok::<_, Error>(value)
    };
    Ok((read(digests.0)?, read(digests.1)?))
}

/// The manifests, without config and layers.
fn manifests(store: &Store, first: &Found, second: &Found) -> Result<Vec<ValueDifference>, Error> {
    let without = |manifest: &mut Map<String, Value>| {
        manifest.remove("config");
        manifest.remove("layers");
    };
    let (first, second) = documents(store, (first.digest, second.digest), &without)?;
    Ok(value_differences(&first, &second))
}

/// The configs, without the list of layers. Entries of history are told apart by what they say, so that one more moves no other.
fn configs(store: &Store, first: &Found, second: &Found) -> Result<Vec<ValueDifference>, Error> {
    let without = |config: &mut Map<String, Value>| {
        if let Some(rootfs) = config.get_mut("rootfs").and_then(Value::as_object_mut) {
            rootfs.remove("diff_ids");
        }
    };
    let (mut first, mut second) = documents(store, (first.id, second.id), &without)?;
    let take = |config: &mut Value| match config.as_object_mut().and_then(|members| members.remove("history"))
    {
        Some(Value::Array(history)) => history,
        _ => Vec::new(),
    };
    let (one, two) = (take(&mut first), take(&mut second));
    let mut differences = value_differences(&first, &second);
    let said = |entry: &Value| entry.get("created_by").cloned();
    for pair in pair(&one, &two, &|a, b| said(&one[a]) == said(&two[b])) {
        let (at, first, second) = match pair {
            Pair::Both(a, b) => (a, Some(&one[a]), Some(&two[b])),
            Pair::First(at) => (at, Some(&one[at]), None),
            Pair::Second(at) => (at, None, Some(&two[at])),
        };
        let found = match (first, second) {
            (Some(first), Some(second)) => value_differences(first, second),
            (first, second) => {
                let (first, second) = (first.cloned(), second.cloned());
                vec![ValueDifference { pointer: String::new(), first, second }]
            }
        };
        let below = |found: ValueDifference| {
            let pointer = format!("/history/{at}{}", found.pointer);
            ValueDifference { pointer, ..found }
        };
        differences.extend(found.into_iter().map(below));
    }
    Ok(differences)
}
