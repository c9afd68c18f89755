//! `rbuild copy`, `save` and `load`: which places are meant, and whole images between them.

use std::path::Path;
use std::sync::Arc;

use super::error::Error;
use super::images::Found;
use super::kept::kept;
use super::noted;
use super::numbers::Numbers;
use super::push::push_image;
use super::transfer::Transfer;
use crate::export::Destination;
use crate::oci::{DiffId, Digest, Platform, Reference};
use crate::progress::StepNumber;
use crate::store::{ImageLayer, Store};
use crate::transport::{self, Choice, CopyFrom, CopyTo, Dialect, How, Moved, Mover, Place, Streams};

/// Copies one image.
pub fn copy_image(
    store: &Store,
    (from, to): (&str, &str),
    how: &How,
    streams: Streams<'_>,
    by: &Transfer<'_>,
) -> Result<Moved, Error> {
    let _lease = store.lease()?;
    let source = source(store, from)?;
    let target = target(to)?;
    if let (CopyFrom::Store(..), CopyTo::Registry(to)) = (&source, &target)
        && let Some(image) = compressed_first(store, from, &how.choice)?
    {
        let digest = push_image(store, &image, to, None, by)?;
        return Ok(Moved { digest, id: None, names: Vec::new(), label: None, images: 1 });
    }
    shown(by, &format!("copying {from} to {to}"), |step| {
        moving(store, by, step, |mover| transport::copy(&source, &target, how, streams, mover))
    })
}

/// The place that `text` means of an image that was published: a name that says its registry is that registry's, as it is where
/// one is copied to, whatever this machine calls so.
pub fn published(text: &str) -> Result<String, Error> {
    Ok(match Place::parse(text)? {
        Place::Plain(name) if name.parse().is_ok_and(|reference| says_registry(&name, &reference)) => {
            format!("docker://{name}")
        }
        _ => text.to_string(),
    })
}

fn says_registry(name: &str, reference: &Reference) -> bool {
    name.starts_with(&format!("{}/", reference.registry))
}

/// Brings the image that `text` means for `platform` into the store, with all of its layers and under no name, and gives it.
/// Whoever uses it holds a lease: nothing else keeps it.
pub fn bring_image(
    store: &Store,
    text: &str,
    platform: &Platform,
    streams: Streams<'_>,
    by: &Transfer<'_>,
) -> Result<Found, Error> {
    let digest = match source(store, text)? {
        CopyFrom::Store(digest, _) => digest,
        elsewhere => {
            let how = How { choice: Choice::One(platform.clone()), as_oci: false };
            let moved = shown(by, &format!("reading {text}"), |step| {
                let to = CopyTo::Store(None);
                moving(store, by, step, |mover| transport::copy(&elsewhere, &to, &how, streams, mover))
            })?;
            moved.digest
        }
    };
    let image = kept(store, &digest.to_string())?.pick(text, Some(platform))?.clone();
    for layer in noted::image_layers(store, &image)? {
        noted::bring(store, by.client, &layer, by.canceled)?;
    }
    Ok(image)
}

/// Writes images of the store into one archive.
pub fn save_images(
    store: &Store,
    images: &[String],
    to: &Destination,
    dialect: Dialect,
    choice: Option<&Choice>,
    stdout: &mut dyn std::io::Write,
    by: &Transfer<'_>,
) -> Result<Vec<Moved>, Error> {
    let _lease = store.lease()?;
    let found = images.iter().map(|image| stored(store, image)?.ok_or_else(|| Error::NoImage(image.clone())));
    let found = found.collect::<Result<Vec<_>, _>>()?;
    shown(by, &format!("saving {}", images.join(", ")), |step| {
        moving(store, by, step, |mover| transport::save(&found, to, dialect, choice, stdout, mover))
    })
}

/// Reads all images of an archive or a layout into the store.
pub fn load_images(
    store: &Store,
    from: &Path,
    choice: Option<&Choice>,
    streams: Streams<'_>,
    by: &Transfer<'_>,
) -> Result<Vec<Moved>, Error> {
    let _lease = store.lease()?;
    let what = if from == Path::new("-") { "standard input".to_string() } else { from.display().to_string() };
    shown(by, &format!("loading {what}"), |step| {
        moving(store, by, step, |mover| transport::load(from, choice, streams, mover))
    })
}

/// Does `work` with all that moving needs.
fn moving<T>(
    store: &Store,
    by: &Transfer<'_>,
    step: StepNumber,
    work: impl FnOnce(&Mover<'_>) -> Result<T, transport::Error>,
) -> Result<T, Error> {
    let bring = |diff_id: DiffId| {
        let nowhere = || Error::Usage(format!("layer {diff_id} is not in the store: build again"));
        let remote = store.remote_layer(diff_id)?.ok_or_else(nowhere)?;
        Ok(noted::bring(store, by.client, &ImageLayer::Remote(Arc::new(remote)), by.canceled)?)
    };
    let Transfer { client, sink, canceled, .. } = *by;
    Ok(work(&Mover { store, client, sink, step, canceled, bring: &bring })?)
}

fn source(store: &Store, text: &str) -> Result<CopyFrom, Error> {
    Ok(match Place::parse(text)? {
        // As FROM has it: what is here comes before what is far away.
        Place::Plain(name) => match stored(store, &name)? {
            Some((digest, names)) => CopyFrom::Store(digest, names),
            None => CopyFrom::Registry(name.parse()?),
        },
        Place::Store(name) => {
            let (digest, names) = stored(store, &name)?.ok_or(Error::NoImage(name))?;
            CopyFrom::Store(digest, names)
        }
        Place::Registry(reference) => CopyFrom::Registry(reference),
        Place::Layout { directory, name, digest } => CopyFrom::Bundle { path: directory, name, digest },
        Place::Archive { file, name, .. } => CopyFrom::Bundle { path: file, name, digest: None },
    })
}

fn target(text: &str) -> Result<CopyTo, Error> {
    let new = |name: &str| -> Result<Reference, Error> {
        let reference: Reference = name.parse()?;
        match reference.digest {
            Some(_) => Err(Error::Usage(format!("{name}: a new name has no digest"))),
            None => Ok(reference),
        }
    };
    Ok(match Place::parse(text)? {
        // A name that says its registry is meant for it; any other is one of this machine's.
        Place::Plain(name) => {
            let reference = new(&name)?;
            match says_registry(&name, &reference) {
                true => CopyTo::Registry(reference),
                false => CopyTo::Store(Some(reference)),
            }
        }
        Place::Store(name) => CopyTo::Store(Some(new(&name)?)),
        Place::Registry(reference) => CopyTo::Registry(reference),
        Place::Layout { digest: Some(_), .. } => {
            return Err(Error::Usage(format!("{text}: what is written gets the digest that it has")));
        }
        Place::Layout { directory, name, .. } => CopyTo::Layout(directory, name),
        Place::Archive { dialect, file, name } => {
            let destination = match file == Path::new("-") {
                true => Destination::Stdout,
                false => Destination::Path(file),
            };
            CopyTo::Archive(destination, dialect, name)
        }
    })
}

/// The manifest or index that `text` means in the store, and its name if it was asked for by name: an id says nothing of what
/// the image is to be called elsewhere.
fn stored(store: &Store, text: &str) -> Result<Option<(Digest, Vec<Reference>)>, Error> {
    if let Ok(reference) = text.parse::<Reference>() {
        let bare = Reference { digest: None, ..reference.clone() };
        if let Some(name) = store.name(&bare)?
            && reference.digest.is_none_or(|digest| digest == name.manifest.digest)
        {
            return Ok(Some((name.manifest.digest, vec![bare])));
        }
    }
    match kept(store, text) {
        // An id says nothing of what the image is to be called elsewhere.
        Ok(kept) => Ok(Some((kept.top.digest, Vec::new()))),
        Err(Error::NoImage(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What to push instead of the bytes as they are: layers of an image that was built here are not compressed yet.
fn compressed_first(store: &Store, image: &str, choice: &Choice) -> Result<Option<String>, Error> {
    let image = image.strip_prefix("store:").unwrap_or(image);
    let kept = kept(store, image)?;
    let (digest, images) = match choice {
        Choice::One(platform) if kept.index.is_some() => {
            let found = kept.pick(image, Some(platform))?;
            (found.digest, std::slice::from_ref(found))
        }
        _ => (kept.top.digest, &kept.images[..]),
    };
    let mut layers = images.iter().flat_map(|image| image.manifest.layers());
    let is_plain = layers.any(|layer| layer.media_type().to_string().ends_with(".tar"));
    Ok(is_plain.then(|| digest.to_string()))
}

/// Shows `work` as the only step.
fn shown<T>(
    by: &Transfer<'_>,
    name: &str,
    work: impl FnOnce(StepNumber) -> Result<T, Error>,
) -> Result<T, Error> {
    Numbers::default().shown(by.sink, name, work).map_err(|error| match &error {
        Error::Transport(e) if e.is_canceled() => Error::Interrupted,
        _ => error,
    })
}
