//! Images in an OCI image layout directory.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::Error;
use super::layout_choice::{by_tag, describe};
use super::verified::VerifiedBlob;
use crate::oci::{
    Descriptor, Digest, ImageIndex, ImageManifest, MediaType, Platform, choose, descriptor_digest,
    new_descriptor, read_index,
};

/// A directory with `oci-layout`, `index.json` and `blobs`. SPEC: image-spec image-layout.md.
#[derive(Clone, Debug)]
pub struct OciLayout {
    directory: PathBuf,
    index: ImageIndex,
}

/// An image of a layout; all bytes verified.
#[derive(Clone, Debug)]
pub struct Picked {
    /// The manifest's descriptor.
    pub descriptor: Descriptor,
    /// The manifest's digest.
    pub digest: Digest,
    /// The manifest, verbatim.
    pub manifest_bytes: Vec<u8>,
    /// The manifest.
    pub manifest: ImageManifest,
    /// The image config, verbatim.
    pub config_bytes: Vec<u8>,
}

/// LIMIT: as registries and Docker: a manifest or config has at most 4 MiB.
const LONGEST_DOCUMENT: u64 = 4 << 20;
/// LIMIT: indexes of indexes are rare, loops are not impossible to write.
const DEEPEST: usize = 4;

#[derive(Deserialize)]
struct Version {
    #[serde(rename = "imageLayoutVersion")]
    version: String,
}

/// What a document says of itself.
#[derive(Deserialize)]
struct Shape {
    manifests: Option<serde::de::IgnoredAny>,
    layers: Option<serde::de::IgnoredAny>,
}

impl OciLayout {
    /// Opens a layout.
    pub fn open(directory: &Path) -> Result<OciLayout, Error> {
        let wrong = |reason: String| Error::Layout { path: directory.to_path_buf(), reason };
        let file = |name: &str| -> Result<Vec<u8>, Error> {
            let file = File::open(directory.join(name)).map_err(|error| wrong(format!("{name}: {error}")))?;
            let mut bytes = Vec::new();
            let read = file.take(LONGEST_DOCUMENT + 1).read_to_end(&mut bytes);
            read.map_err(|error| wrong(format!("{name}: {error}")))?;
            match bytes.len() as u64 > LONGEST_DOCUMENT {
                true => Err(wrong(format!("{name} has more than {LONGEST_DOCUMENT} bytes"))),
                false => Ok(bytes),
            }
        };
        let version: Version =
            serde_json::from_slice(&file("oci-layout")?).map_err(|e| wrong(format!("oci-layout: {e}")))?;
        if !version.version.starts_with("1.") {
            return Err(wrong(format!("version {:?} is not known", version.version)));
        }
        let index = read_index(&file("index.json")?).map_err(|e| wrong(format!("index.json: {e}")))?;
        Ok(OciLayout { directory: directory.to_path_buf(), index })
    }

    /// Finds an image by tag, by digest (of a manifest or an index; it outranks the tag), or the only one, for a
    /// platform.
    pub fn select(
        &self,
        tag: Option<&str>,
        digest: Option<&Digest>,
        platform: &Platform,
    ) -> Result<Picked, Error> {
        let there = self.index.manifests();
        let named = match (digest, tag) {
            (Some(digest), _) => self.by_digest(digest, there, 0)?,
            (None, Some(tag)) => by_tag(there, tag),
            (None, None) if there.len() == 1 => there.first().cloned(),
            (None, None) => by_tag(there, "latest"),
        };
        let Some(mut descriptor) = named else {
            let wanted = match (digest, tag) {
                (Some(digest), _) => digest.to_string(),
                (None, Some(tag)) => format!("with the tag {tag}"),
                (None, None) => "is the only one, and none has the tag latest".to_string(),
            };
            return Err(self.no_image(wanted, there));
        };
        for _ in 0..DEEPEST {
            let bytes = self.document(&descriptor)?;
            if self.is_index(&descriptor, &bytes)? {
                let index = self.index_in(&descriptor, &bytes)?;
                let below = index.manifests();
                let chosen = choose(below.iter(), platform);
                descriptor =
                    chosen.map_err(|_| self.no_image(format!("for the platform {platform}"), below))?.clone();
                continue;
            }
            let manifest: ImageManifest = self.parse(&descriptor, &bytes)?;
            let config_bytes = self.document(manifest.config())?;
            let digest = self.digest(&descriptor)?;
            return Ok(Picked { descriptor, digest, manifest_bytes: bytes, manifest, config_bytes });
        }
        Err(self.wrong(format!("indexes lie in indexes more than {DEEPEST} deep")))
    }

    /// Opens a blob.
    pub fn blob(&self, descriptor: &Descriptor) -> Result<VerifiedBlob, Error> {
        let digest = self.digest(descriptor)?;
        let path = self.blob_path(&digest);
        let file = File::open(&path).map_err(Error::read(path.display().to_string()))?;
        Ok(VerifiedBlob::new(file, digest, descriptor.size()))
    }

    fn by_digest(
        &self,
        digest: &Digest,
        descriptors: &[Descriptor],
        depth: usize,
    ) -> Result<Option<Descriptor>, Error> {
        for descriptor in descriptors {
            if self.digest(descriptor)? == *digest {
                return Ok(Some(descriptor.clone()));
            }
        }
        let indexes = descriptors.iter().filter(|d| is_index_type(d.media_type()));
        for descriptor in indexes.filter(|_| depth < DEEPEST) {
            let index = self.index_in(descriptor, &self.document(descriptor)?)?;
            if let Some(found) = self.by_digest(digest, index.manifests(), depth + 1)? {
                return Ok(Some(found));
            }
        }
        // A blob that no index names: what it is, its own bytes say.
        let size = std::fs::metadata(self.blob_path(digest)).map(|metadata| metadata.len());
        Ok(size
            .ok()
            .filter(|_| depth == 0)
            .map(|size| new_descriptor(MediaType::ImageManifest, *digest, size)))
    }

    /// A manifest, index or config, verified.
    fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Error> {
        let damaged = |digest, reason: String| Error::Blob { path: self.directory.clone(), digest, reason };
        let digest = self.digest(descriptor)?;
        if descriptor.size() > LONGEST_DOCUMENT {
            return Err(damaged(digest, format!("a document has at most {LONGEST_DOCUMENT} bytes")));
        }
        let mut bytes = Vec::new();
        let read = self.blob(descriptor)?.read_to_end(&mut bytes);
        read.map_err(|error| damaged(digest, error.to_string()))?;
        Ok(bytes)
    }

    /// Whether a document is an index. One that could be taken for both is refused: CVE-2021-41190.
    fn is_index(&self, descriptor: &Descriptor, bytes: &[u8]) -> Result<bool, Error> {
        let shape: Shape = self.parse(descriptor, bytes)?;
        match (shape.manifests.is_some(), shape.layers.is_some()) {
            (true, false) => Ok(true),
            (false, true) if !is_index_type(descriptor.media_type()) => Ok(false),
            _ => Err(self.wrong(format!("{} is neither a manifest nor an index", descriptor.digest()))),
        }
    }

    fn parse<T: DeserializeOwned>(&self, descriptor: &Descriptor, bytes: &[u8]) -> Result<T, Error> {
        serde_json::from_slice(bytes).map_err(|error| self.wrong(format!("{}: {error}", descriptor.digest())))
    }

    fn index_in(&self, descriptor: &Descriptor, bytes: &[u8]) -> Result<ImageIndex, Error> {
        read_index(bytes).map_err(|error| self.wrong(format!("{}: {error}", descriptor.digest())))
    }

    fn digest(&self, descriptor: &Descriptor) -> Result<Digest, Error> {
        descriptor_digest(descriptor).map_err(|source| Error::Name { path: self.directory.clone(), source })
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.directory.join("blobs/sha256").join(digest.hex())
    }

    fn wrong(&self, reason: String) -> Error {
        Error::Layout { path: self.directory.clone(), reason }
    }

    fn no_image(&self, wanted: String, there: &[Descriptor]) -> Error {
        Error::NoImage { path: self.directory.clone(), wanted, available: describe(there) }
    }
}

fn is_index_type(media_type: &MediaType) -> bool {
    match media_type {
        MediaType::ImageIndex => true,
        MediaType::Other(name) => name == "application/vnd.docker.distribution.manifest.list.v2+json",
        _ => false,
    }
}
