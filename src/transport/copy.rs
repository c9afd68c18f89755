//! One image from one place to another; several from the store to an archive; all of an archive into the store.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::archive_target::{ArchiveTarget, Dialect};
use super::bundle::Bundle;
use super::bundle_origin::BundleOrigin;
use super::convert::{is_docker, to_oci};
use super::document::{Said, read};
use super::error::Error;
use super::layout_target::LayoutTarget;
use super::mover::Mover;
use super::origin::Origin;
use super::registry_origin::RegistryOrigin;
use super::registry_target::RegistryTarget;
use super::store_origin::StoreOrigin;
use super::store_target::StoreTarget;
use super::target::Target;
use super::whole::{Choice, Whole};
use crate::export::Destination;
use crate::image::Document;
use crate::oci::{Digest, Platform, Reference, descriptor_digest, is_attestation};
use crate::store::Origin as NameOrigin;

/// What is copied.
#[derive(Clone, Debug)]
pub enum CopyFrom {
    /// A manifest or index of the store, and what it is called there.
    Store(Digest, Vec<Reference>),
    /// What a registry has under a name.
    Registry(Reference),
    /// An image of a layout or an archive, by name or digest; the only one if neither is given.
    Bundle {
        /// A directory or a file; `-` is standard input.
        path: PathBuf,
        /// What it is called there.
        name: Option<String>,
        /// Of its manifest or index.
        digest: Option<Digest>,
    },
}

/// Where it is copied to.
#[derive(Clone, Debug)]
pub enum CopyTo {
    /// The store, under a name or under none.
    Store(Option<Reference>),
    /// A repository.
    Registry(Reference),
    /// A layout, under a name or under those that it had.
    Layout(PathBuf, Option<String>),
    /// An archive.
    Archive(Destination, Dialect, Option<String>),
}

/// How it is copied.
#[derive(Clone, Debug)]
pub struct How {
    /// Which images of an index.
    pub choice: Choice,
    /// Docker's media types become OCI's, and digests of manifests others.
    pub as_oci: bool,
}

/// Where archives are read from and written to when they are streams, and when it is.
pub struct Streams<'a> {
    /// Standard input.
    pub stdin: &'a mut (dyn Read + Send),
    /// Standard output.
    pub stdout: &'a mut dyn Write,
    /// Seconds since 1970.
    pub now: i64,
}

/// An image that was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Its manifest or index.
    pub digest: Digest,
    /// Its id, or that of its image for this machine.
    pub id: Option<Digest>,
    /// What it is called now.
    pub names: Vec<Reference>,
    /// What it is called in the layout that it came from, where that is no reference.
    pub label: Option<String>,
    /// Images in it: one a platform.
    pub images: usize,
}

/// Copies one image.
pub fn copy(
    from: &CopyFrom,
    to: &CopyTo,
    how: &How,
    ends: Streams<'_>,
    by: &Mover<'_>,
) -> Result<Moved, Error> {
    let Streams { stdin, stdout, now } = ends;
    let How { choice, as_oci } = how;
    let scratch = by.store.temp_dir()?;
    let (origin, root, names): (Box<dyn Origin>, Document, Vec<Reference>) = match from {
        CopyFrom::Store(digest, names) => {
            let origin = StoreOrigin { store: by.store, bring: by.bring };
            let root = origin.root(digest)?;
            (Box::new(origin), root, names.clone())
        }
        CopyFrom::Registry(reference) => {
            let (reference, canceled) = (reference.clone(), by.canceled);
            let origin = RegistryOrigin { client: by.client, reference: reference.clone(), canceled };
            let root = origin.root()?;
            let names = vec![Reference { digest: None, ..reference }];
            (Box::new(origin), root, names.into_iter().filter(|name| name.tag.is_some()).collect())
        }
        CopyFrom::Bundle { path, name, digest } => {
            let origin = BundleOrigin::new(open(path, stdin, scratch.path())?)?;
            let image = origin.image(name.as_deref(), digest.as_ref())?;
            let root = origin.document(&image.descriptor)?;
            (Box::new(origin), root, image.names)
        }
    };
    let platforms = platforms(&*origin, &root)?;
    let mut whole = Whole::of(&*origin, root, choice)?;
    if matches!(choice, Choice::One(_)) && platforms > 1 {
        by.say(format!("one of {platforms} platforms: --all copies all"));
    }
    let wrong =
        |name: &str, e: crate::oci::Error| Error::Place { text: name.to_string(), reason: e.to_string() };
    whole.names = names;
    let is_layout = matches!(to, CopyTo::Layout(..) | CopyTo::Archive(_, Dialect::Oci, _));
    match is_docker(&whole) {
        true if *as_oci => whole = to_oci(&whole, &origin.place())?,
        true if is_layout => {
            by.say("Docker's media types stay; skopeo and umoci read OCI's alone: --format oci".to_string());
        }
        _ => {}
    }
    match to {
        CopyTo::Store(name) => whole.names = name.iter().cloned().collect(),
        CopyTo::Layout(_, Some(name)) | CopyTo::Archive(_, Dialect::Oci, Some(name)) => {
            whole.ref_name = Some(name.clone());
        }
        CopyTo::Archive(_, Dialect::Docker, Some(name)) => {
            whole.names = vec![name.parse().map_err(|e| wrong(name, e))?];
        }
        _ => {}
    }
    let target: Box<dyn Target> = match to {
        CopyTo::Store(_) => {
            // Only what can be fetched again under its name is a cache.
            let pulled = |reference: &Reference| whole.names.iter().all(|name| name == reference);
            let origin = match from {
                CopyFrom::Registry(reference) if pulled(reference) => NameOrigin::Pulled,
                _ => NameOrigin::Imported,
            };
            Box::new(StoreTarget { store: by.store, origin, now })
        }
        CopyTo::Registry(reference) => Box::new(RegistryTarget::new(reference.clone(), &*origin, by)),
        CopyTo::Layout(directory, _) => Box::new(LayoutTarget::new(directory)?),
        CopyTo::Archive(destination, dialect, _) => {
            if *destination == Destination::Stdout && matches!(from, CopyFrom::Store(..)) {
                verify(by, &whole)?;
            }
            Box::new(ArchiveTarget::new(destination, *dialect, scratch.path().to_path_buf(), stdout)?)
        }
    };
    let moved = moved(&whole)?;
    run(target, &*origin, vec![whole], by)?;
    Ok(match to {
        CopyTo::Registry(_) => Moved { names: Vec::new(), ..moved },
        _ => moved,
    })
}

/// Writes images of the store into one archive.
pub fn save(
    images: &[(Digest, Vec<Reference>)],
    to: &Destination,
    dialect: Dialect,
    choice: Option<&Choice>,
    stdout: &mut dyn Write,
    by: &Mover<'_>,
) -> Result<Vec<Moved>, Error> {
    let origin = StoreOrigin { store: by.store, bring: by.bring };
    let mut wholes: Vec<Whole> = Vec::new();
    for (digest, names) in images {
        let mut whole = match choice {
            Some(choice) => Whole::of(&origin, origin.root(digest)?, choice)?,
            None => what_is_here(&origin, origin.root(digest)?, by)?,
        };
        whole.names.clone_from(names);
        let same = |known: &&mut Whole| known.root.descriptor.digest() == whole.root.descriptor.digest();
        match wholes.iter_mut().find(same) {
            Some(known) => known.names.extend(whole.names),
            None => wholes.push(whole),
        }
    }
    if *to == Destination::Stdout {
        wholes.iter().try_for_each(|whole| verify(by, whole))?;
    }
    let scratch = by.store.temp_dir()?;
    let target = ArchiveTarget::new(to, dialect, scratch.path().to_path_buf(), stdout)?;
    let moved = wholes.iter().map(moved).collect::<Result<_, _>>()?;
    run(Box::new(target), &origin, wholes, by)?;
    Ok(moved)
}

/// Reads all images of an archive or a layout into the store. Without a choice, those that are there whole.
pub fn load(
    from: &Path,
    choice: Option<&Choice>,
    ends: Streams<'_>,
    by: &Mover<'_>,
) -> Result<Vec<Moved>, Error> {
    let scratch = by.store.temp_dir()?;
    let origin = BundleOrigin::new(open(from, ends.stdin, scratch.path())?)?;
    if origin.images().is_empty() {
        return Err(Error::form(origin.place(), "no image in it"));
    }
    let (mut wholes, mut all): (Vec<Whole>, Vec<Moved>) = (Vec::new(), Vec::new());
    for image in origin.images() {
        let root = origin.document(&image.descriptor)?;
        let mut whole = Whole::of(&origin, root, choice.unwrap_or(&Choice::Present))?;
        whole.names.clone_from(&image.names);
        all.push(Moved { label: image.labels.first().cloned(), ..moved(&whole)? });
        wholes.push(whole);
    }
    let target = StoreTarget { store: by.store, origin: NameOrigin::Imported, now: ends.now };
    run(Box::new(target), &origin, wholes, by)?;
    Ok(all)
}

fn open(path: &Path, stdin: &mut (dyn Read + Send), scratch: &Path) -> Result<Bundle, Error> {
    match path == Path::new("-") {
        true => Bundle::stream("standard input".to_string(), Box::new(stdin), scratch),
        false => Bundle::open(path, scratch),
    }
}

/// The whole image if the store has all of it, else what it has for this machine.
fn what_is_here(origin: &StoreOrigin<'_>, root: Document, by: &Mover<'_>) -> Result<Whole, Error> {
    let there = platforms(origin, &root)?;
    if there < 2 {
        return Whole::of(origin, root, &Choice::All);
    }
    let present = Whole::of(origin, root.clone(), &Choice::Present)?;
    if present.parts.iter().filter(|part| part.platform.is_some()).count() == there {
        return Ok(present);
    }
    by.say(format!("the store does not have all {there} platforms: only one is saved"));
    Whole::of(origin, root, &Choice::One(Platform::host()))
}

/// How many images there are in an index; one if it is none.
fn platforms(origin: &dyn Origin, root: &Document) -> Result<usize, Error> {
    Ok(match read(&origin.place(), root)? {
        Said::Manifest(_) => 1,
        Said::Index(index) => index.manifests().iter().filter(|child| !is_attestation(child)).count(),
    })
}

/// What goes to standard output cannot be taken back, so all that goes there is verified first.
fn verify(by: &Mover<'_>, whole: &Whole) -> Result<(), Error> {
    let origin = StoreOrigin { store: by.store, bring: by.bring };
    for blob in &whole.blobs {
        origin.here(blob)?;
        if !by.store.verify_blob_or_tar(&blob.digest)? {
            return Err(Error::Missing { place: "the store".to_string(), digest: blob.digest });
        }
    }
    Ok(())
}

fn run(
    mut target: Box<dyn Target + '_>,
    origin: &dyn Origin,
    wholes: Vec<Whole>,
    by: &Mover<'_>,
) -> Result<(), Error> {
    for whole in &wholes {
        target.blobs(&whole.blobs, origin, by)?;
        for document in &whole.documents {
            by.go_on()?;
            target.document(document)?;
        }
    }
    by.go_on()?;
    target.finish(&wholes, by)
}

fn moved(whole: &Whole) -> Result<Moved, Error> {
    let id = whole.main().map(|part| descriptor_digest(part.manifest.config())).transpose()?;
    Ok(Moved {
        digest: descriptor_digest(&whole.root.descriptor)?,
        id,
        names: whole.names.clone(),
        label: None,
        images: whole.parts.iter().filter(|part| part.platform.is_some()).count(),
    })
}
