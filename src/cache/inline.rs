//! Records in the config of an image: the layers are the image's own, so nothing else has to be kept anywhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document::{Document, KnownLayer, Recorded};
use super::error::Error;
use crate::oci::{DiffId, Digest, ImageConfig, ImageManifest, MediaType, descriptor_digest};

/// The member of the config.
pub const INLINE: &str = "dev.rbuild.cache.v1";
/// What BuildKit has there.
const BUILDKIT: &str = "moby.buildkit.cache.v0";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    key: Digest,
    /// Which of the image's layers, from the lowest.
    layer: usize,
    ran: bool,
    tar_size: u64,
}

/// Puts into `config`, whose diff IDs are complete, what is known of its layers: for each the size of its tar.
pub fn embed(config: &mut ImageConfig, records: &[Recorded], sizes: &BTreeMap<DiffId, u64>) {
    let mut entries = Vec::new();
    for (layer, diff_id) in config.rootfs.diff_ids.iter().enumerate() {
        let found = records.iter().find(|record| record.layer == *diff_id);
        if let (Some(record), Some(tar_size)) = (found, sizes.get(diff_id)) {
            entries.push(Entry { key: record.key, layer, ran: record.ran, tar_size: *tar_size });
        }
    }
    entries.dedup_by_key(|entry| entry.key);
    let value = serde_json::to_value(&entries).expect("entries are JSON");
    config.unknown.insert(INLINE.to_string(), value);
}

/// The document that a config holds, with the blobs that the manifest names; none if it holds none.
pub fn embedded(config: &ImageConfig, manifest: &ImageManifest) -> Result<Option<Document>, Error> {
    let wrong = |reason: &str| Error::document("list of records in the config", reason);
    let Some(value) = config.unknown.get(INLINE) else { return Ok(None) };
    let entries: Vec<Entry> = Vec::deserialize(value).map_err(|e| wrong(&e.to_string()))?;
    let diff_ids = &config.rootfs.diff_ids;
    if diff_ids.len() != manifest.layers().len() {
        return Err(wrong("the manifest has another number of layers"));
    }
    let mut document = Document::default();
    for Entry { key, layer, ran, tar_size } in entries {
        let (Some(diff_id), Some(blob)) = (diff_ids.get(layer), manifest.layers().get(layer)) else {
            return Err(wrong("a record is of a layer that there is not"));
        };
        let media_type = match blob.media_type().as_ref() {
            "application/vnd.docker.image.rootfs.diff.tar" => MediaType::ImageLayer,
            "application/vnd.docker.image.rootfs.diff.tar.gzip" => MediaType::ImageLayerGzip,
            "application/vnd.docker.image.rootfs.diff.tar.zstd" => MediaType::ImageLayerZstd,
            _ => blob.media_type().clone(),
        };
        let known = KnownLayer {
            blob: descriptor_digest(blob).map_err(|e| wrong(&e.to_string()))?,
            size: blob.size(),
            media_type,
            tar_size,
            made_by: None,
            list: None,
        };
        document.records.push(Recorded { key, layer: *diff_id, ran });
        document.layers.insert(*diff_id, known);
    }
    // Read as strictly as a document of its own.
    Document::decode(&document.encode()).map(Some)
}

/// The same of a config's bytes; an image without records is no cache.
pub(super) fn of_image(config: &[u8], manifest: &ImageManifest) -> Result<Document, Error> {
    let config: ImageConfig = serde_json::from_slice(config).map_err(|e| Error::document("config", e))?;
    if let Some(document) = embedded(&config, manifest)? {
        return Ok(document);
    }
    let reason = match config.unknown.get(BUILDKIT) {
        None | Some(Value::Null) => {
            "it is an image without records: --cache-to type=inline puts them there when it is built"
        }
        Some(_) => "its records are BuildKit's, whose keys are not those of rbuild",
    };
    Err(Error::NoCache(reason.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Platform;

    fn manifest(layers: &[&[u8]]) -> ImageManifest {
        let layers: Vec<Value> = layers
            .iter()
            .map(|layer| {
                serde_json::json!({
                    "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                    "digest": Digest::of(layer).to_string(), "size": 5,
                })
            })
            .collect();
        let config = serde_json::json!({
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": Digest::of(b"config").to_string(), "size": 5,
        });
        serde_json::from_value(serde_json::json!({"schemaVersion": 2, "config": config, "layers": layers}))
            .unwrap()
    }

    #[test]
    fn records_of_the_images_own_layers_are_put_in_and_read_out() {
        let mut config = ImageConfig::empty(&Platform::new("linux", "amd64", None));
        let layers = [DiffId(Digest::of(b"1")), DiffId(Digest::of(b"2"))];
        config.rootfs.diff_ids = layers.to_vec();
        let key = Digest::of(b"key");
        let records = [
            Recorded { key, layer: layers[1], ran: true },
            Recorded { key: Digest::of(b"other"), layer: DiffId(Digest::of(b"3")), ran: true },
        ];
        assert_eq!(embedded(&config, &manifest(&[b"a", b"b"])).unwrap(), None);
        embed(&mut config, &records, &BTreeMap::from([(layers[1], 7)]));
        let document = embedded(&config, &manifest(&[b"a", b"b"])).unwrap().unwrap();
        assert_eq!(document.records, records[..1]);
        assert_eq!(document.layers[&layers[1]].blob, Digest::of(b"b"));
        assert!(embedded(&config, &manifest(&[b"a"])).is_err());
        config.unknown.insert(INLINE.to_string(), serde_json::json!([{"key": key, "layer": 9}]));
        assert!(embedded(&config, &manifest(&[b"a", b"b"])).is_err());
    }
}
