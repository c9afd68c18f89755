//! `rbuild run`: the process of an image that is in the store.

use std::sync::Arc;

use super::error::Error;
use super::images::find;
use super::interrupt::Interrupt;
use crate::oci::Platform;
use crate::sandbox::Ended;
use crate::store::Store;
use crate::worker::Container;

/// What to run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Name, digest or id.
    pub image: String,
    /// In place of the image's CMD.
    pub command: Vec<String>,
}

/// Runs it to its end.
pub fn run(store: &Store, options: &RunOptions, interrupt: &Interrupt) -> Result<Ended, Error> {
    let _lease = store.lease()?;
    let image = find(store, &options.image, &Platform::host())?;
    let layers = image.layers(store)?.into_iter().zip(&image.config.rootfs.diff_ids);
    let layers: Vec<Arc<_>> = layers
        .map(|(layer, diff_id)| {
            layer.ok_or_else(|| {
                Error::Usage(format!(
                    "{}: layer {diff_id} was never pulled: build on it first",
                    options.image
                ))
            })
        })
        .collect::<Result<_, _>>()?;
    let cancel = interrupt.attempt()?;
    let container = Container { store, layers, config: &image.config.config, command: &options.command };
    Ok(container.run(&cancel)?)
}
