//! `rbuild import`: an image of one layer from a tar of a root file system.

use std::collections::BTreeMap;
use std::io::Read;

use super::error::Error;
use super::finish::set_name;
use crate::export::{Exported, Finished, ImageSet, keep};
use crate::oci::{Epoch, History, ImageConfig, LAYER_EPOCH, Platform, Reference};
use crate::store::{ImageLayer, Origin, Store};

/// Reads `tar` (in any encoding) as the only layer of an image called `name`.
pub fn import(
    store: &Store,
    tar: &mut dyn Read,
    name: &Reference,
    platform: &Platform,
    now: i64,
) -> Result<Exported, Error> {
    let _lease = store.lease()?;
    let mut blob = store.blob_writer()?;
    std::io::copy(tar, &mut blob).map_err(Error::io("reading the tar into the store"))?;
    let (digest, _) = blob.commit(None)?;
    let layer = store.import_layer(&digest, None)?;
    let epoch: Epoch = LAYER_EPOCH;
    let mut config = ImageConfig::empty(platform);
    config.created = Some(epoch.rfc3339());
    config.config.env = vec!["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_string()];
    config.config.cmd = Some(vec!["/bin/sh".to_string()]);
    config.rootfs.diff_ids = vec![layer.diff_id];
    config.history = vec![History {
        created: Some(epoch.rfc3339()),
        created_by: Some("rbuild import".to_string()),
        ..History::default()
    }];
    let platform = config.platform();
    let image = Finished {
        platform,
        config,
        layers: vec![ImageLayer::Here(layer)],
        epoch,
        annotations: BTreeMap::new(),
    };
    let kept = keep(store, &ImageSet::one(image, vec![name.clone()]))?;
    set_name(store, name, kept.top.as_ref().expect("what is kept has a manifest"), Origin::Imported, now)?;
    store.sync()?;
    Ok(kept)
}
