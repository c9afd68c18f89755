//! Layers of kept images that were never needed here: fetched now, from where they were noted to be.

use std::sync::Arc;

use super::error::Error;
use super::images::Found;
use crate::layer::NoFiles;
use crate::oci::{DiffId, Reference};
use crate::registry::Client;
use crate::store::{ImageLayer, Layer, RemoteLayer, Store};

/// The layers of an image: those that the store has, and those that it knows where to find.
pub fn image_layers(store: &Store, image: &Found) -> Result<Vec<ImageLayer>, Error> {
    let layer = |diff_id: &DiffId| match store.layer(*diff_id)? {
        Some(layer) => Ok(ImageLayer::Here(layer)),
        None => match store.remote_layer(*diff_id)? {
            Some(remote) => Ok(ImageLayer::Remote(Arc::new(remote))),
            None => Err(never_pulled(image, *diff_id)),
        },
    };
    image.config.rootfs.diff_ids.iter().map(layer).collect()
}

fn never_pulled(image: &Found, diff_id: DiffId) -> Error {
    let name = match image.names.first() {
        Some((name, _)) => name.familiar(),
        None => image.digest.to_string(),
    };
    Error::Usage(format!(
        "{name}: layer {diff_id} was never pulled: rbuild pull {name}, or build on it first"
    ))
}

/// A layer of an image, fetched if it is not here.
pub fn bring(
    store: &Store,
    client: &Client,
    layer: &ImageLayer,
    canceled: &dyn Fn() -> bool,
) -> Result<Arc<Layer>, Error> {
    let remote = match layer {
        ImageLayer::Here(layer) => return Ok(Arc::clone(layer)),
        ImageLayer::Remote(remote) => remote,
    };
    // Two that lack the same layer fetch it once.
    let Some(_flight) = store.flight(&remote.diff_id.0, canceled)? else { return Err(Error::Interrupted) };
    if let Some(layer) = store.layer(remote.diff_id)? {
        return Ok(layer);
    }
    let mut failure = None;
    for place in &remote.places {
        match fetch(store, client, remote, &place.parse()?, canceled) {
            Ok(layer) => return Ok(layer),
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    let nowhere =
        || Error::Usage(format!("layer {} is known, but nobody has it: build again", remote.diff_id));
    Err(failure.unwrap_or_else(nowhere))
}

fn fetch(
    store: &Store,
    client: &Client,
    remote: &RemoteLayer,
    place: &Reference,
    canceled: &dyn Fn() -> bool,
) -> Result<Arc<Layer>, Error> {
    let mut open = || store.incoming(remote, NoFiles).map_err(std::io::Error::other);
    let incoming = client.blob_into(place, &remote.blob, &mut open, &|_| (), canceled)?;
    Ok(incoming.finish()?.0)
}
