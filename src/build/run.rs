//! `rbuild run`: the process of an image that is in the store.

use std::sync::Arc;

use super::error::Error;
use super::interrupt::Interrupt;
use super::kept::find;
use super::noted::{bring, image_layers};
use crate::http::Canceled;
use crate::oci::Platform;
use crate::registry::Client;
use crate::sandbox::Ended;
use crate::store::Store;
use crate::worker::Container;

/// What to run.
#[derive(Clone)]
pub struct RunOptions {
    /// Name, digest or id.
    pub image: String,
    /// Which of several images under that name; that of this machine if none.
    pub platform: Option<Platform>,
    /// In place of the image's CMD.
    pub command: Vec<String>,
    /// How registries are reached, for layers that are not here yet.
    pub registry: crate::registry::Options,
}

/// Runs it to its end.
pub fn run(store: &Store, options: &RunOptions, interrupt: &Interrupt) -> Result<Ended, Error> {
    let _lease = store.lease()?;
    let image = find(store, &options.image, options.platform.as_ref())?;
    let platform = image.config.platform();
    let mut registry = options.registry.clone();
    let cancel = interrupt.attempt()?;
    let stopped = cancel.clone();
    registry.http.canceled = Canceled::new(move || stopped.is_fired());
    let client = Client::new(registry);
    let layers: Vec<Arc<_>> = image_layers(store, &image)?
        .iter()
        .map(|layer| bring(store, &client, layer, &|| cancel.is_fired()))
        .collect::<Result<_, _>>()?;
    let config = &image.config.config;
    let container = Container { store, layers, config, platform: &platform, command: &options.command };
    Ok(container.run(&cancel, &interrupt.relay())?)
}
