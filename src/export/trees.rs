//! The root file systems of a set of images as one tree.

use std::sync::Arc;

use super::error::Error;
use super::finished::{Finished, ImageSet};
use crate::snapshot::{Item, whole};
use crate::store::Layer;
use crate::tree::{Entry, Kind, RootPath, Time};

/// How the root file systems of several images are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Split {
    /// A directory for each platform if there is an index; else none.
    #[default]
    Auto,
    /// `platform-split=true`: a directory for each platform, also for a single one.
    Always,
    /// `platform-split=false`: all in one; no two may have the same file.
    Never,
}

/// What there is to write, in order, without the root itself, which is the user's.
pub(super) struct Trees {
    /// Sources count through `layers`.
    pub items: Vec<Item>,
    /// Those of every image, one image after the other.
    pub layers: Vec<Arc<Layer>>,
}

/// Everything that `set` has to write.
pub(super) fn trees(set: &ImageSet, split: Split) -> Result<Trees, Error> {
    let is_split = match split {
        Split::Auto => set.indexed,
        Split::Always => true,
        Split::Never => false,
    };
    let mut trees = Trees { items: Vec::new(), layers: Vec::new() };
    let mut owners = Vec::new();
    for (number, image) in set.images.iter().enumerate() {
        let mut items = whole(&image.stack()?);
        items.retain(|item| !item.entry.path.is_root());
        for source in items.iter_mut().filter_map(|item| item.source.as_mut()) {
            source.layer += trees.layers.len();
        }
        if is_split {
            below(&directory(image), &mut items);
        }
        trees.layers.extend(image.here()?);
        owners.resize(owners.len() + items.len(), number);
        trees.items.extend(items);
    }
    if set.images.len() > 1 {
        trees.items = merged(set, trees.items.into_iter().zip(owners).collect())?;
    }
    Ok(trees)
}

/// The directory of an image. COMPAT: BuildKit's names, `linux_arm_v7`.
fn directory(image: &Finished) -> Entry {
    let name = image.platform.to_string().replace('/', "_");
    let time = Time::from_seconds(image.epoch.0);
    Entry::directory(RootPath::root().join(name), time)
}

/// Puts everything below a directory that comes first.
fn below(directory: &Entry, items: &mut Vec<Item>) {
    for Item { entry, .. } in items.iter_mut() {
        entry.path = directory.path.join_path(&entry.path);
        if let Kind::Hardlink(target) = &mut entry.kind {
            *target = directory.path.join_path(target);
        }
    }
    items.insert(0, Item { entry: directory.clone(), source: None });
}

/// All items in the order of their paths. A directory may be in several images, and is the first one's; anything else that
/// is in two is refused, as in BuildKit.
fn merged(set: &ImageSet, mut all: Vec<(Item, usize)>) -> Result<Vec<Item>, Error> {
    // ORDER: stable, so that of equal paths the first image's comes first.
    all.sort_by(|(a, _), (b, _)| a.entry.path.cmp(&b.entry.path));
    let mut merged: Vec<(Item, usize)> = Vec::with_capacity(all.len());
    for (item, owner) in all {
        match merged.last() {
            Some((last, first)) if last.entry.path == item.entry.path => {
                if !(last.entry.is_directory() && item.entry.is_directory()) {
                    let [first, second] = [*first, owner].map(|number| &set.images[number].platform);
                    let reason = format!(
                        "both {first} and {second} have it, and with platform-split=false there is one place: \
                         leave platform-split out"
                    );
                    return Err(Error::Entry { path: item.entry.path, reason });
                }
            }
            _ => merged.push((item, owner)),
        }
    }
    Ok(merged.into_iter().map(|(item, _)| item).collect())
}
