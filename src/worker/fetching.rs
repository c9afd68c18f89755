//! Layers on their way from elsewhere: into the store and, below a RUN, into directories in the same pass.

use std::sync::Arc;

use super::error::Error;
use super::ground::Ground;
use crate::progress::{Sink, StepNumber};
use crate::sandbox::Cancel;
use crate::snapshot::{Snapshots, Unpacking};
use crate::store::{Incoming, Layer, RemoteLayer, Store};

/// Where layers go, and who hears of it.
pub(super) struct Fetching<'a> {
    pub store: &'a Store,
    pub sink: &'a dyn Sink,
    pub numbers: &'a (dyn NextNumber + Sync),
    pub cancel: &'a Cancel,
    pub ground: &'a Ground,
}

/// Gives out numbers for the display.
pub trait NextNumber {
    /// The next one.
    fn next(&self) -> StepNumber;
}

impl Fetching<'_> {
    /// Begins to take in a layer.
    pub(super) fn incoming(&self, remote: &RemoteLayer) -> Result<Incoming<Option<Unpacking>>, Error> {
        let unpacking = self.ground.below(remote.diff_id).and_then(Snapshots::unpacking);
        Ok(self.store.incoming(remote, unpacking)?)
    }

    /// Ends with a layer, all of whose bytes are there.
    pub(super) fn arrived(&self, incoming: Incoming<Option<Unpacking>>) -> Result<Arc<Layer>, Error> {
        let (layer, unpacking) = incoming.finish()?;
        if let (Some(unpacking), Some(snapshots)) = (unpacking, self.ground.opened()) {
            snapshots.unpacked(layer.diff_id, layer.list()?, unpacking);
        }
        Ok(layer)
    }
}
