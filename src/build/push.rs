//! `rbuild push`: an image of the store, or an index with all its images, into a registry.

use std::collections::BTreeMap;

use super::error::Error;
use super::images::{Found, LARGEST_DOCUMENT};
use super::kept::{KeptImages, kept, media_type};
use super::noted::{self, image_layers};
use super::transfer::{Transfer, shown};
use crate::export::{
    Dress, Encode, Finished, ImageSet, PushTo, Pusher, StoredImage, StoredManifest, push, push_stored,
};
use crate::image::{Family, index};
use crate::oci::{DiffId, Digest, LAYER_EPOCH, Platform, Reference, descriptor_digest, is_attestation};
use crate::progress::Event;
use crate::store::{ImageLayer, Store};

/// Pushes what `text` means under `to`: as it was pulled, byte for byte, if the store has it in that form; else with its
/// layers compressed, as `--push` does. Of an index one image alone, if `platform` asks for it.
pub fn push_image(
    store: &Store,
    text: &str,
    to: &Reference,
    platform: Option<&Platform>,
    by: &Transfer<'_>,
) -> Result<Digest, Error> {
    let _lease = store.lease()?;
    let kept = kept(store, text)?;
    shown(by, &format!("pushing {}", to.familiar()), |step| {
        let say = |message: String| by.sink.send(Event::Notice { step, message });
        let bring = |diff_id: DiffId| {
            let remote = store.remote_layer(diff_id)?.ok_or(Error::NoImage(text.to_string()))?;
            let layer = ImageLayer::Remote(std::sync::Arc::new(remote));
            Ok(noted::bring(store, by.client, &layer, by.canceled)?)
        };
        let pusher = Pusher { client: by.client, sink: by.sink, step, canceled: by.canceled, bring: &bring };
        let (images, is_index) = chosen(&kept, text, platform, &say)?;
        let mut stay = true;
        for image in images {
            stay &= stays(store, image)?;
        }
        let digest = match stay {
            true => {
                let top = if is_index { Some(index_of(store, &kept, &say)?) } else { None };
                let stored = images.iter().map(|image| stored(store, text, image));
                push_stored(store, &stored.collect::<Result<Vec<_>, _>>()?, top.as_ref(), to, &pusher)?;
                top.map_or(images[0].digest, |top| Digest::of(&top.bytes))
            }
            false => {
                if is_index && !kept.is_whole() {
                    say(WITHOUT_ATTESTATIONS.to_string());
                }
                let images = images.iter().map(|image| finished(store, image));
                let images = images.collect::<Result<_, Error>>()?;
                let mut set = ImageSet::of(images, is_index, Vec::new());
                set.annotations = annotations(&kept);
                let (names, dress) = (vec![to.clone()], Dress::default());
                let to = PushTo { names, encode: Encode::default(), by_digest: false, dress };
                let exported = push(store, &set, &to, &pusher)?;
                descriptor_digest(&exported.top.expect("what is pushed has a manifest"))?
            }
        };
        say(format!("digest {digest}"));
        Ok(digest)
    })
}

const WITHOUT_ATTESTATIONS: &str =
    "attestations are not pushed: the index goes without them (rbuild copy --all takes all that it lists)";

/// What goes, and whether an index goes above it. COMPAT: of an index of which one image is here, docker pushes that.
fn chosen<'k>(
    kept: &'k KeptImages,
    text: &str,
    platform: Option<&Platform>,
    say: &dyn Fn(String),
) -> Result<(&'k [Found], bool), Error> {
    if platform.is_some() {
        return Ok((std::slice::from_ref(kept.pick(text, platform)?), false));
    }
    let missing = kept.missing();
    match (&kept.index, &kept.images[..], &missing[..]) {
        (None, images, _) => Ok((images, false)),
        (Some(_), images, []) => Ok((images, true)),
        (Some(_), [only], _) => {
            let (here, missing) = (&only.platform, missing.join(", "));
            say(format!("of the index only {here} is here, which goes alone; not here: {missing}"));
            Ok((std::slice::from_ref(only), false))
        }
        (Some(_), images, _) => {
            let here: Vec<String> = images.iter().map(|image| image.platform.to_string()).collect();
            Err(Error::Usage(format!(
                "{text}: of its index {} are here and {} are not: rbuild pull --platform brings the others, \
                 rbuild push --platform pushes one",
                here.join(", "),
                missing.join(", ")
            )))
        }
    }
}

/// The index as it is; without the attestations that it lists and that are not here.
fn index_of(store: &Store, kept: &KeptImages, say: &dyn Fn(String)) -> Result<StoredManifest, Error> {
    if !kept.is_whole() {
        say(WITHOUT_ATTESTATIONS.to_string());
        let listed = kept.index.iter().flat_map(|index| index.manifests());
        let family = match kept.top.media_type == Family::Docker.index() {
            true => Family::Docker,
            false => Family::Oci,
        };
        let images = listed.filter(|listed| !is_attestation(listed)).cloned().collect();
        let document = index(images, &annotations(kept), family);
        let media_type = document.descriptor.media_type().to_string();
        return Ok(StoredManifest { media_type, bytes: document.bytes });
    }
    let lost = || Error::NoImage(kept.top.digest.to_string());
    let bytes = store.read_blob(&kept.top.digest, LARGEST_DOCUMENT)?.ok_or_else(lost)?;
    Ok(StoredManifest { media_type: kept.top.media_type.to_string(), bytes })
}

/// Of the index.
fn annotations(kept: &KeptImages) -> BTreeMap<String, String> {
    let annotations = kept.index.as_ref().and_then(|index| index.annotations().clone());
    annotations.unwrap_or_default().into_iter().collect()
}

fn stored(store: &Store, text: &str, image: &Found) -> Result<StoredImage, Error> {
    let missing = || Error::NoImage(text.to_string());
    let bytes = store.read_blob(&image.digest, LARGEST_DOCUMENT)?.ok_or_else(missing)?;
    let config = store.read_blob(&image.id, LARGEST_DOCUMENT)?.ok_or_else(missing)?;
    let layers = image.manifest.layers().iter().cloned().zip(image.layers(store)?).collect();
    let manifest = StoredManifest { media_type: media_type(&image.manifest).to_string(), bytes };
    Ok(StoredImage { manifest, config, layers })
}

/// Whether every layer is compressed already, and here.
fn stays(store: &Store, image: &Found) -> Result<bool, Error> {
    for layer in image.manifest.layers() {
        let media_type = layer.media_type().to_string();
        let is_here = store.blob_size(&descriptor_digest(layer)?)? == Some(layer.size());
        if !is_here || media_type.ends_with(".tar") {
            return Ok(false);
        }
    }
    Ok(true)
}

fn finished(store: &Store, image: &Found) -> Result<Finished, Error> {
    let annotations = image.manifest.annotations().clone().unwrap_or_default().into_iter().collect();
    Ok(Finished {
        platform: image.platform.clone(),
        config: image.config.clone(),
        layers: image_layers(store, image)?,
        epoch: LAYER_EPOCH,
        annotations,
        descriptor_annotations: BTreeMap::new(),
    })
}
