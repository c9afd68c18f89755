//! A cache in a directory: an OCI image layout.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::artifact::{Artifact, CONFIG_BYTES, MANIFEST, is_cache, records_of};
use super::document::{Document, LARGEST};
use super::error::Error;
use super::merge::{adds, merge};
use super::place::{Bytes, Place, Upload};
use crate::oci::{Digest, Digesting, Hashing, ImageManifest, canonical};

/// LIMIT: as registries have it for manifests.
const LARGEST_DOCUMENT: u64 = 4 << 20;
/// SPEC: image-spec annotations.md.
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// A cache in a directory, by tag.
pub struct Directory {
    /// The layout.
    pub path: PathBuf,
    /// Which of the caches in it.
    pub tag: String,
}

impl Directory {
    fn blob(&self, digest: &Digest) -> PathBuf {
        self.path.join("blobs/sha256").join(digest.hex())
    }

    fn index(&self) -> Result<Option<Value>, Error> {
        let path = self.path.join("index.json");
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(e) => return Err(Error::file("open", path)(e)),
        };
        let mut bytes = Vec::new();
        file.take(LARGEST_DOCUMENT + 1).read_to_end(&mut bytes).map_err(Error::file("read", path))?;
        if bytes.len() as u64 > LARGEST_DOCUMENT {
            return Err(Error::document("index.json", "it is too large"));
        }
        let index: Value = serde_json::from_slice(&bytes).map_err(|e| Error::document("index.json", e))?;
        let is_index = index.get("manifests").is_some_and(Value::is_array);
        if is_index { Ok(Some(index)) } else { Err(Error::document("index.json", "it lists no manifests")) }
    }

    fn read(&self, digest: &Digest, size: u64, limit: u64) -> Result<Vec<u8>, Error> {
        if size > limit {
            return Err(Error::document("manifest", format!("a blob in it has {size} bytes")));
        }
        let mut bytes = Vec::new();
        self.fetch(digest, size, &mut bytes, &|_| (), &|| false)?;
        Ok(bytes)
    }

    fn document(&self, index: &Value) -> Result<Option<Document>, Error> {
        let manifests = index["manifests"].as_array().into_iter().flatten();
        let Some(found) = manifests.into_iter().find(|m| m["annotations"][REF_NAME] == *self.tag) else {
            return Ok(None);
        };
        let digest = found["digest"].as_str().and_then(|digest| digest.parse().ok());
        let (Some(digest), Some(size)) = (digest, found["size"].as_u64()) else {
            return Err(Error::document("index.json", "a manifest in it has no digest or no size"));
        };
        let bytes = self.read(&digest, size, LARGEST_DOCUMENT)?;
        let manifest: ImageManifest =
            serde_json::from_slice(&bytes).map_err(|e| Error::document("manifest", e))?;
        if !is_cache(&manifest) {
            return Err(Error::NoCache(format!("{} in it is no cache of rbuild", self.tag)));
        }
        let (records, digest) = records_of(&manifest)?;
        Document::decode(&self.read(&digest, records.size(), LARGEST)?).map(Some)
    }

    /// What a cache in `index` says to who adds to it.
    fn added_to(&self, index: Option<&Value>) -> Result<Document, Error> {
        match index.map(|index| self.document(index)).transpose() {
            Ok(known) => Ok(known.flatten().unwrap_or_default()),
            Err(error @ Error::NoCache(_)) => Err(error),
            // What nobody can read is of no use to anybody.
            Err(_) => Ok(Document::default()),
        }
    }

    fn put_bytes(&self, bytes: &[u8]) -> Result<(), Error> {
        self.write(&self.blob(&Digest::of(bytes)), &mut &bytes[..])
    }

    /// Writes a file whole or not at all.
    fn write(&self, path: &Path, bytes: &mut dyn Read) -> Result<(), Error> {
        let directory = path.parent().unwrap_or(&self.path);
        fs::create_dir_all(directory).map_err(Error::file("make", directory))?;
        let made = tempfile::Builder::new().prefix(".rbuild-").tempfile_in(directory);
        let mut file: NamedTempFile = made.map_err(Error::file("make a file in", directory))?;
        io::copy(bytes, file.as_file_mut()).map_err(Error::file("write", path))?;
        file.persist(path).map_err(|e| Error::file("make", path)(e.error))?;
        Ok(())
    }
}

impl Place for Directory {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn load(&self) -> Result<Document, Error> {
        let index = self.index()?.ok_or(Error::None)?;
        self.document(&index)?.ok_or(Error::None)
    }

    fn current(&self) -> Result<Document, Error> {
        self.added_to(self.index()?.as_ref())
    }

    fn fetch(
        &self,
        blob: &Digest,
        size: u64,
        out: &mut dyn Digesting,
        progress: &dyn Fn(u64),
        canceled: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        let path = self.blob(blob);
        let mut file = match File::open(&path) {
            Ok(file) => file.take(size + 1),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(Error::Gone(*blob)),
            Err(e) => return Err(Error::file("open", path)(e)),
        };
        let (mut done, mut buffer) = (0, vec![0; 1 << 18]);
        loop {
            if canceled() {
                return Err(Error::Canceled);
            }
            let count = file.read(&mut buffer).map_err(Error::file("read", &path))?;
            if count == 0 {
                break;
            }
            out.write_all(&buffer[..count]).map_err(Error::file("copy", &path))?;
            done += count as u64;
            progress(done);
        }
        let actual = out.digest();
        if actual == *blob && done == size {
            Ok(())
        } else {
            Err(Error::Mismatch { expected: *blob, actual })
        }
    }

    fn put(&self, upload: &Upload<'_>, _: &(dyn Fn() -> bool + Sync)) -> Result<bool, Error> {
        // What is there is read through: a file that was cut must not be taken for the blob.
        if self.fetch(&upload.digest, upload.size, &mut Hashing::new(io::sink()), &|_| (), &|| false).is_ok()
        {
            return Ok(false);
        }
        let path = self.blob(&upload.digest);
        match (upload.open)().map_err(Error::file("write", &path))? {
            Bytes::Memory(bytes) => self.write(&path, &mut &bytes[..])?,
            Bytes::File(mut file) => self.write(&path, &mut file)?,
        }
        Ok(true)
    }

    fn publish(&self, new: &Document, _: &(dyn Fn() -> bool + Sync)) -> Result<bool, Error> {
        fs::create_dir_all(&self.path).map_err(Error::file("make", &self.path))?;
        let held = File::open(&self.path).map_err(Error::file("open", &self.path))?;
        // Two builds into one directory would lose one's records.
        flock(&held, FlockOperation::LockExclusive).map_err(|e| Error::file("lock", &self.path)(e.into()))?;
        let index = self.index()?;
        let known = self.added_to(index.as_ref())?;
        if !adds(new, &known) {
            return Ok(false);
        }
        let Artifact { manifest, records } = Artifact::of(&merge(&[new, &known]));
        for bytes in [CONFIG_BYTES, &records, &manifest] {
            self.put_bytes(bytes)?;
        }
        self.write(&self.path.join("oci-layout"), &mut &br#"{"imageLayoutVersion":"1.0.0"}"#[..])?;
        let mut index = index.unwrap_or_else(|| json!({"schemaVersion": 2, "manifests": []}));
        let manifests = index["manifests"].as_array_mut().expect("looked at when it was read");
        manifests.retain(|m| m["annotations"][REF_NAME] != *self.tag);
        manifests.push(json!({
            "mediaType": MANIFEST,
            "digest": Digest::of(&manifest).to_string(),
            "size": manifest.len(),
            "annotations": {REF_NAME: self.tag},
        }));
        self.write(&self.path.join("index.json"), &mut &canonical(&index)[..])?;
        Ok(true)
    }

    fn repository(&self) -> Option<String> {
        None
    }
}
