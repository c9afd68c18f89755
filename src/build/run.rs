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
    /// Which image of an index; none is this machine's.
    pub platform: Option<Platform>,
    /// In place of the image's CMD.
    pub command: Vec<String>,
}

/// Runs it to its end.
pub fn run(store: &Store, options: &RunOptions, interrupt: &Interrupt) -> Result<Ended, Error> {
    let _lease = store.lease()?;
    let host = Platform::host();
    let image = find(store, &options.image, options.platform.as_ref().unwrap_or(&host))?;
    let platform = image.config.platform();
    if let Some(wanted) = options.platform.as_ref().filter(|wanted| !wanted.accepts(&platform)) {
        return Err(Error::Usage(format!("{} is for {platform}, not for {wanted}", options.image)));
    }
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
    let config = &image.config.config;
    let container = Container { store, layers, config, platform: &platform, command: &options.command };
    Ok(container.run(&cancel, &interrupt.relay())?)
}
