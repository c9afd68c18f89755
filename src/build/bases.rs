//! Base images: from the store, an image layout or a registry, to a manifest and a config.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::error::Error;
use super::interrupt::Interrupt;
use super::options::Options;
use super::policy::PullPolicy;
use crate::graph::ImageName;
use crate::oci::{Descriptor, Digest, ImageConfig, ImageManifest, MediaType, Platform, Reference};
use crate::oci::{descriptor_digest, new_descriptor, read_index};
use crate::plan::{Base, BaseRequest};
use crate::registry::{Client, Kind, Resolved as Top, refuse_artifact, select, with_causes};
use crate::source::OciLayout;
use crate::store::{Name, Origin, Store, Target};
use crate::worker::{Image, ImageOrigin};

/// LIMIT: as registries have it for manifests; configs are held to the same.
const LARGEST_DOCUMENT: u64 = 8 << 20;

/// Finds images.
pub struct Bases<'a> {
    pub(super) store: &'a Store,
    pub(super) options: &'a Options,
    pub(super) asked: Mutex<BTreeMap<Reference, Digest>>,
    client: OnceLock<Client>,
    interrupt: std::sync::Arc<Interrupt>,
    /// What registries said: all platforms of one build get the same index, whatever its tag means meanwhile.
    tops: Mutex<BTreeMap<Reference, Top>>,
}

/// An image that was found.
pub struct Resolved {
    /// For planning.
    pub base: Base,
    /// For doing.
    pub image: Image,
    /// Where it came from, for the display.
    pub notice: String,
}

impl<'a> Bases<'a> {
    /// Looks in `store` first, and outside as `options` say.
    pub fn new(store: &'a Store, options: &'a Options, interrupt: std::sync::Arc<Interrupt>) -> Bases<'a> {
        let (asked, tops, client) = Default::default();
        Bases { store, options, asked, client, interrupt, tops }
    }

    /// The client, made when it is first needed.
    pub(super) fn client(&self) -> &Client {
        self.client.get_or_init(|| {
            let mut options = self.options.registry.clone();
            let interrupt = std::sync::Arc::clone(&self.interrupt);
            options.http.canceled = crate::http::Canceled::new(move || interrupt.is_fired());
            Client::new(options)
        })
    }

    /// Finds the image that `request` asks for.
    pub fn resolve(&self, request: &BaseRequest) -> Result<Resolved, Error> {
        let platform = &request.key.platform;
        match &request.key.name {
            ImageName::Layout { directory, tag, digest } => {
                self.in_layout(directory, tag.as_deref(), digest.as_ref(), platform)
            }
            ImageName::Reference(reference) => {
                self.named(request, reference).map_err(|e| describe(e, request, reference))
            }
        }
    }

    fn in_layout(
        &self,
        directory: &str,
        tag: Option<&str>,
        digest: Option<&Digest>,
        platform: &Platform,
    ) -> Result<Resolved, Error> {
        let layout = OciLayout::open(directory.as_ref())?;
        let picked = layout.select(tag, digest, platform)?;
        let config: ImageConfig = parse(&picked.config_bytes, directory, "config")?;
        let origin = ImageOrigin::Layout(directory.into());
        resolved(directory, picked.digest, &picked.manifest, config, origin, format!("from {directory}"))
    }

    /// What the store has under that name.
    pub(super) fn in_store(
        &self,
        reference: &Reference,
        platform: &Platform,
    ) -> Result<Option<Resolved>, Error> {
        let name = self.store.name(reference)?;
        let (digest, origin, age) = match (&reference.digest, &name) {
            (Some(digest), name) => (*digest, name.as_ref().map_or(Origin::Pulled, |name| name.origin), None),
            (None, Some(name)) => (name.manifest.digest, name.origin, Some(self.options.now - name.time)),
            (None, None) => return Ok(None),
        };
        let what = reference.familiar();
        let Some(bytes) = self.store.read_blob(&digest, LARGEST_DOCUMENT)? else { return Ok(None) };
        let Some((digest, bytes)) = self.choose(bytes, digest, reference, platform)? else { return Ok(None) };
        let manifest: ImageManifest = parse(&bytes, &what, "manifest")?;
        let config = descriptor_digest(manifest.config())?;
        let Some(config) = self.store.read_blob(&config, LARGEST_DOCUMENT)? else { return Ok(None) };
        let config: ImageConfig = parse(&config, &what, "config")?;
        if !platform.accepts(&config.platform()) && name.is_some_and(|name| name.origin == Origin::Pulled) {
            // The tag was pulled for another platform, and the registry may have this one.
            return Ok(None);
        }
        let origin = match origin {
            Origin::Pulled if self.options.pull == PullPolicy::Never => {
                ImageOrigin::Withheld(reference.clone())
            }
            Origin::Pulled => ImageOrigin::Registry(self.client().clone(), reference.clone()),
            Origin::Built | Origin::Imported => ImageOrigin::Store(reference.clone()),
        };
        let notice = match age {
            Some(age) => format!("from the store, {} (--pull asks the registry)", since(age)),
            None => "from the store, by digest".to_string(),
        };
        resolved(&what, digest, &manifest, config, origin, notice).map(Some)
    }

    /// The manifest for `platform`, if these bytes are an index; none if the store lacks it.
    fn choose(
        &self,
        bytes: Vec<u8>,
        digest: Digest,
        reference: &Reference,
        platform: &Platform,
    ) -> Result<Option<(Digest, Vec<u8>)>, Error> {
        let Ok(index) = read_index(&bytes) else {
            return Ok(Some((digest, bytes)));
        };
        let chosen = select(&reference.familiar(), &index, platform)?;
        let digest = descriptor_digest(&chosen)?;
        Ok(self.store.read_blob(&digest, LARGEST_DOCUMENT)?.map(|bytes| (digest, bytes)))
    }

    /// What the registry has under that name.
    pub(super) fn in_registry(&self, reference: &Reference, platform: &Platform) -> Result<Resolved, Error> {
        let what = reference.familiar();
        let client = self.client();
        let top = self.top(reference)?;
        let (digest, bytes) = match top.kind {
            Kind::Index => {
                let index = read_index(&top.bytes).map_err(|e| unread(&what, "index", &e))?;
                let chosen = select(&what, &index, platform)?;
                let manifest = client.manifest(reference, &chosen)?;
                self.store.put_blob(&manifest.bytes)?;
                (manifest.digest, manifest.bytes)
            }
            Kind::Manifest => (top.digest, top.bytes.clone()),
        };
        let manifest: ImageManifest = parse(&bytes, &what, "manifest")?;
        refuse_artifact(&what, &manifest)?;
        let config = self.fetch_config(client, reference, manifest.config())?;
        let config: ImageConfig = parse(&config, &what, "config")?;
        if reference.tag.is_some() {
            let target = Target {
                media_type: top.descriptor.media_type().clone(),
                digest: top.digest,
                size: top.bytes.len() as u64,
            };
            let name = Name { manifest: target, origin: Origin::Pulled, time: self.options.now };
            let bare = Reference { digest: None, ..reference.clone() };
            self.store.set_name(&bare, &name)?;
        }
        self.note(reference, top.digest);
        let origin = ImageOrigin::Registry(client.clone(), reference.clone());
        let notice = format!("resolved to {}", top.digest);
        resolved(&what, digest, &manifest, config, origin, notice)
    }

    /// The index or manifest that a registry has under that name, asked once.
    fn top(&self, reference: &Reference) -> Result<Top, Error> {
        let mut tops = self.tops.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = tops.get(reference) {
            return Ok(known.clone());
        }
        let top = self.client().resolve(reference)?;
        self.store.put_blob(&top.bytes)?;
        tops.insert(Reference { digest: Some(top.digest), ..reference.clone() }, top.clone());
        tops.insert(reference.clone(), top.clone());
        Ok(top)
    }

    fn fetch_config(
        &self,
        client: &Client,
        reference: &Reference,
        config: &Descriptor,
    ) -> Result<Vec<u8>, Error> {
        let digest = descriptor_digest(config)?;
        if let Some(bytes) = self.store.read_blob(&digest, LARGEST_DOCUMENT)? {
            return Ok(bytes);
        }
        if config.size() > LARGEST_DOCUMENT {
            let reason =
                format!("its config has {} bytes; at most {LARGEST_DOCUMENT} are read", config.size());
            return Err(Error::Base { name: reference.familiar(), reason, hint: None });
        }
        let mut open = || Ok(Vec::new());
        let bytes = client.blob_into(reference, config, &mut open, &|_| (), &|| self.interrupt.is_fired())?;
        self.store.put_blob(&bytes)?;
        Ok(bytes)
    }
}

fn parse<T: serde::de::DeserializeOwned>(bytes: &[u8], name: &str, what: &str) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|e| unread(name, what, &e))
}

fn unread(name: &str, what: &str, error: &serde_json::Error) -> Error {
    let reason = format!("its {what} cannot be read: {error}");
    Error::Base { name: name.to_string(), reason, hint: None }
}

fn resolved(
    name: &str,
    digest: Digest,
    manifest: &ImageManifest,
    config: ImageConfig,
    origin: ImageOrigin,
    notice: String,
) -> Result<Resolved, Error> {
    let diff_ids = config.rootfs.diff_ids.clone();
    if diff_ids.len() != manifest.layers().len() {
        let reason =
            format!("its manifest has {} layers and its config {}", manifest.layers().len(), diff_ids.len());
        return Err(Error::Base { name: name.to_string(), reason, hint: None });
    }
    let descriptors = manifest.layers().iter().map(oci_layer).collect::<Result<Vec<Descriptor>, Error>>()?;
    let base = Base { manifest: digest, platform: config.platform(), config };
    Ok(Resolved { base, image: Image::new(diff_ids, descriptors, origin), notice })
}

/// The same layer under OCI's media type: Docker's is the same bytes by another name, and other names are refused.
fn oci_layer(descriptor: &Descriptor) -> Result<Descriptor, Error> {
    let media_type = match descriptor.media_type().to_string().as_str() {
        "application/vnd.docker.image.rootfs.diff.tar.gzip" => MediaType::ImageLayerGzip,
        "application/vnd.docker.image.rootfs.diff.tar.zstd" => MediaType::ImageLayerZstd,
        "application/vnd.docker.image.rootfs.diff.tar" => MediaType::ImageLayer,
        _ => match descriptor.media_type() {
            known @ (MediaType::ImageLayer | MediaType::ImageLayerGzip | MediaType::ImageLayerZstd) => {
                known.clone()
            }
            other => {
                let reason = format!("a layer has the media type {other}, which is not supported");
                return Err(Error::Base { name: descriptor.digest().to_string(), reason, hint: None });
            }
        },
    };
    Ok(new_descriptor(media_type, descriptor_digest(descriptor)?, descriptor.size()))
}

fn describe(error: Error, request: &BaseRequest, reference: &Reference) -> Error {
    let hint = match (&request.near, &error) {
        (Some(near), _) => Some(format!("did you mean the stage {near}?")),
        (None, Error::Registry(_)) => Some(format!(
            "the store has no image {}; `rbuild import` makes one of a tar, --build-context {}=… replaces it",
            reference.familiar(),
            request.written
        )),
        _ => None,
    };
    match error {
        Error::Base { name, reason, hint: own } => Error::Base { name, reason, hint: own.or(hint) },
        Error::Registry(e) => Error::Base { name: request.written.clone(), reason: with_causes(&e), hint },
        other => other,
    }
}

fn since(seconds: i64) -> String {
    match seconds {
        ..60 => "less than a minute old".to_string(),
        60..3600 => format!("{} minutes old", seconds / 60),
        3600..172_800 => format!("{} hours old", seconds / 3600),
        _ => format!("{} days old", seconds / 86_400),
    }
}
