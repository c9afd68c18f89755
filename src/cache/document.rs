//! The records of a cache: which key was found to give which layer, and where that layer is.
//!
//! The stored form is JSON under zstd. It is read strictly: an unknown member, a key that stands there twice, a number out
//! of range make the whole document useless.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::limited::unzstd;
use crate::layer::Compression;
use crate::oci::{DiffId, Digest, MediaType, canonical};

/// LIMIT: layers in one cache: their descriptors fill a third of the 4 MiB that registries take for a manifest.
pub(super) const MOST_LAYERS: usize = 4_000;
/// LIMIT: records and selections in one cache.
pub(super) const MOST_RECORDS: usize = 20_000;
/// LIMIT: bytes of a document, compressed.
pub(super) const LARGEST: u64 = 16 << 20;
/// LIMIT: bytes of a document, unpacked.
const LARGEST_UNPACKED: u64 = 64 << 20;
/// LIMIT: bytes of a layer's blob; as `layer::Limits` has it for what comes out of it.
const LARGEST_BLOB: u64 = 1 << 38;
/// LIMIT: bytes of a list, compressed.
pub(super) const LARGEST_LIST: u64 = 256 << 20;

/// The format that is written and read.
const VERSION: u32 = 1;

/// What a cache says, the newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// Which layer each step left.
    pub records: Vec<Recorded>,
    /// What COPY and mounts selected of chains of layers.
    pub selections: Vec<Selection>,
    /// The layers of the records.
    pub layers: BTreeMap<DiffId, KnownLayer>,
    /// How many times the sets of exporters were put away; see `docs/remote-cache.md`.
    pub generation: u32,
    /// Sets whose records are all here.
    pub merged: BTreeSet<String>,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its key.
    pub key: Digest,
    /// The layer that it left.
    pub layer: DiffId,
    /// Whether a process made it.
    pub ran: bool,
}

/// The digest of what was selected, so that nobody needs a list to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Chain of layers and what is selected of it.
    pub of: Digest,
    /// The entries' digest.
    pub digest: Digest,
}

/// A layer, its blob and its list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownLayer {
    /// The blob.
    pub blob: Digest,
    /// Bytes of the blob.
    pub size: u64,
    /// How it is compressed.
    pub media_type: MediaType,
    /// Bytes of the tar.
    pub tar_size: u64,
    /// What of ours made the blob of the tar.
    pub made_by: Option<Compression>,
    /// The blob of the list, and its size.
    pub list: Option<(Digest, u64)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    generation: u32,
    merged: Vec<String>,
    layers: Vec<StoredLayer>,
    records: Vec<StoredRecord>,
    selections: Vec<(Digest, Digest)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredLayer {
    diff_id: DiffId,
    blob: Digest,
    size: u64,
    media_type: MediaType,
    tar_size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    made_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    list: Option<(Digest, u64)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredRecord {
    key: Digest,
    layer: u32,
    ran: bool,
}

impl Document {
    /// The stored form. Layers that no record names are left out.
    pub fn encode(&self) -> Vec<u8> {
        let mut numbers: BTreeMap<DiffId, u32> = BTreeMap::new();
        let mut layers = Vec::new();
        let mut records = Vec::with_capacity(self.records.len());
        for Recorded { key, layer, ran } in &self.records {
            let Some(known) = self.layers.get(layer) else { continue };
            let number = *numbers.entry(*layer).or_insert_with(|| {
                layers.push(stored(*layer, known));
                layers.len() as u32 - 1
            });
            records.push(StoredRecord { key: *key, layer: number, ran: *ran });
        }
        let selections = self.selections.iter().map(|selection| (selection.of, selection.digest)).collect();
        let (generation, merged) = (self.generation, self.merged.iter().cloned().collect());
        let json = canonical(&Stored { version: VERSION, generation, merged, layers, records, selections });
        zstd::bulk::compress(&json, 3).expect("memory takes what is written")
    }

    /// Reads the stored form.
    pub fn decode(bytes: &[u8]) -> Result<Document, Error> {
        let wrong = |reason: &str| Error::document("list of records", reason);
        let json = unzstd(bytes, LARGEST_UNPACKED).map_err(|e| wrong(&e.to_string()))?;
        let stored: Stored = serde_json::from_slice(&json).map_err(|e| wrong(&e.to_string()))?;
        let Stored { version, generation, merged, layers, records, selections } = stored;
        if version != VERSION {
            return Err(wrong(&format!("it has version {version}, and this rbuild reads version {VERSION}")));
        }
        if layers.len() > MOST_LAYERS || records.len().max(selections.len()) > MOST_RECORDS {
            return Err(wrong("it is longer than any that rbuild writes"));
        }
        let mut document = Document { generation, ..Document::default() };
        document.merged.extend(merged);
        let mut order = Vec::with_capacity(layers.len());
        for layer in layers {
            order.push(layer.diff_id);
            let diff_id = layer.diff_id;
            let known = known(layer).ok_or_else(|| wrong("a layer in it makes no sense"))?;
            if document.layers.insert(diff_id, known).is_some() {
                return Err(wrong("a layer stands there twice"));
            }
        }
        let mut keys = BTreeSet::new();
        for StoredRecord { key, layer, ran } in records {
            let number = usize::try_from(layer).ok().filter(|_| keys.insert(key));
            let layer = number.and_then(|number| order.get(number)).copied();
            let layer = layer.ok_or_else(|| wrong("a record in it makes no sense"))?;
            document.records.push(Recorded { key, layer, ran });
        }
        let mut seen = BTreeSet::new();
        for (of, digest) in selections {
            if !seen.insert(of) {
                return Err(wrong("a selection stands there twice"));
            }
            document.selections.push(Selection { of, digest });
        }
        Ok(document)
    }
}

fn stored(diff_id: DiffId, layer: &KnownLayer) -> StoredLayer {
    let KnownLayer { blob, size, media_type, tar_size, made_by, list } = layer;
    let (blob, size, tar_size, list) = (*blob, *size, *tar_size, *list);
    let made_by = made_by.map(name);
    StoredLayer { diff_id, blob, size, media_type: media_type.clone(), tar_size, made_by, list }
}

fn known(layer: StoredLayer) -> Option<KnownLayer> {
    let StoredLayer { diff_id: _, blob, size, media_type, tar_size, made_by, list } = layer;
    let is_known =
        matches!(media_type, MediaType::ImageLayer | MediaType::ImageLayerGzip | MediaType::ImageLayerZstd);
    let made_by = match made_by {
        Some(text) => Some(named(&text).filter(|made_by| made_by.media_type() == media_type)?),
        None => None,
    };
    let is_small = list.is_none_or(|(_, size)| size <= LARGEST_LIST);
    let fits = size <= LARGEST_BLOB && tar_size <= LARGEST_BLOB && is_small;
    (is_known && fits).then_some(KnownLayer { blob, size, media_type, tar_size, made_by, list })
}

fn name(compression: Compression) -> String {
    match compression {
        Compression::Uncompressed => "tar".to_string(),
        Compression::Gzip { level } => format!("gzip {level}"),
        Compression::Zstd { level } => format!("zstd {level}"),
    }
}

fn named(text: &str) -> Option<Compression> {
    match text.split_once(' ') {
        None => (text == "tar").then_some(Compression::Uncompressed),
        Some(("gzip", level)) => Some(Compression::Gzip { level: level.parse().ok()? }),
        Some(("zstd", level)) => Some(Compression::Zstd { level: level.parse().ok()? }),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn sample() -> Document {
        let layer = DiffId(Digest::of(b"layer"));
        let known = KnownLayer {
            blob: Digest::of(b"blob"),
            size: 4,
            media_type: MediaType::ImageLayerGzip,
            tar_size: 1024,
            made_by: Some(Compression::default()),
            list: Some((Digest::of(b"list"), 9)),
        };
        Document {
            records: vec![
                Recorded { key: Digest::of(b"2"), layer, ran: true },
                Recorded { key: Digest::of(b"1"), layer, ran: false },
            ],
            selections: vec![Selection { of: Digest::of(b"of"), digest: Digest::of(b"is") }],
            layers: BTreeMap::from([(layer, known)]),
            generation: 3,
            merged: BTreeSet::from(["a".to_string()]),
        }
    }

    fn again(change: impl Fn(&mut serde_json::Value)) -> Result<Document, Error> {
        let json = zstd::bulk::decompress(&sample().encode(), 1 << 20).unwrap();
        let mut value = serde_json::from_slice(&json).unwrap();
        change(&mut value);
        Document::decode(&zstd::bulk::compress(&serde_json::to_vec(&value).unwrap(), 1).unwrap())
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(Document::decode(&sample().encode()).unwrap(), sample());
        assert_eq!(again(|_| ()).unwrap(), sample());
    }

    #[test]
    fn whatever_is_not_exactly_the_format_is_refused() {
        let changes: [fn(&mut serde_json::Value); 10] = [
            |v| v["version"] = 2.into(),
            |v| v["more"] = 1.into(),
            |v| v["records"][0]["layer"] = 1.into(),
            |v| v["records"][1]["key"] = v["records"][0]["key"].clone(),
            |v| v["records"][0]["key"] = "sha512:00".into(),
            |v| v["layers"][0]["size"] = (1u64 << 50).into(),
            |v| v["layers"][0]["media_type"] = "text/plain".into(),
            |v| v["layers"][0]["made_by"] = "zstd 3".into(),
            |v| v["layers"][0]["list"][1] = (1u64 << 40).into(),
            |v| v["layers"] = serde_json::json!([]),
        ];
        for (index, change) in changes.iter().enumerate() {
            assert!(again(change).is_err(), "change {index}");
        }
        assert!(Document::decode(b"").is_err());
        let bomb = zstd::bulk::compress(&vec![b' '; 65 << 20], 1).unwrap();
        assert!(Document::decode(&bomb).unwrap_err().to_string().contains("at most"));
    }
}
