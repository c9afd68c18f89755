//! Layers, by diff ID: which blob holds one, and what entries are in it.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use super::error::Error;
use super::frame::Kind;
use super::healed::ObjectKind;
use super::held::Content;
use super::layer_list::Listed;
use super::layer_record::{Layer, LayerRecord, Patched};
use super::lock::locked;
use super::open::Store;
use crate::layer::{self, Encoding, Limits, Written};
use crate::oci::{DiffId, Digest, Hasher, MediaType, canonical};

/// Hashes what passes through, to the end of the file.
struct Hashing<'a> {
    file: &'a File,
    hasher: Hasher,
}

impl Read for Hashing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        self.hasher.update(&buffer[..n]);
        Ok(n)
    }
}

fn media_type(encoding: Encoding) -> MediaType {
    match encoding {
        Encoding::Plain => MediaType::ImageLayer,
        Encoding::Gzip => MediaType::ImageLayerGzip,
        Encoding::Zstd => MediaType::ImageLayerZstd,
        Encoding::Bzip2 => MediaType::Other("application/vnd.oci.image.layer.v1.tar+bzip2".to_string()),
        Encoding::Xz => MediaType::Other("application/vnd.oci.image.layer.v1.tar+xz".to_string()),
    }
}

impl Store {
    /// Reads a blob that is already here, in any compression, as a layer; verifies both digests and saves its list. If
    /// the layer is already here in another form, that form stays the layer's.
    pub fn import_layer(&self, blob: &Digest, expect: Option<DiffId>) -> Result<Arc<Layer>, Error> {
        let file = self.open_blob(blob)?.ok_or(Error::MissingBlob(*blob))?;
        let path = self.disk.layout.blob(blob);
        let mut head = [0; 512];
        let n = std::os::unix::fs::FileExt::read_at(&file, &mut head, 0).map_err(Error::io("read", &path))?;
        let encoding = layer::sniff(&head[..n]);
        let size = file.metadata().map_err(Error::io("look at", &path))?.len();
        let limits = Limits::default();
        let mut raw = Hashing { file: &file, hasher: Hasher::new() };
        let read = layer::decompress(Box::new(&mut raw), &limits)
            .map_err(layer::Error::Read)
            .and_then(|mut tar| layer::read(&mut tar, &limits));
        io::copy(&mut raw, &mut io::sink()).map_err(Error::io("read", &path))?;
        let actual = raw.hasher.finish();
        if actual != *blob {
            let reason = "its bytes are not those of its digest";
            self.disk.heal(ObjectKind::Blob, &path, &file, reason)?;
            return Err(Error::Damaged { what: format!("blob {blob}"), reason: reason.to_string() });
        }
        let Written { diff_id, size: tar_size, list } =
            read.map_err(|source| Error::Layer { what: blob.to_string(), source })?;
        if let Some(expected) = expect
            && expected != diff_id
        {
            return Err(Error::WrongDiffId { blob: *blob, expected, actual: diff_id });
        }
        match self.layer(diff_id)? {
            Some(layer) => Ok(layer),
            None => self.put_read(Written { diff_id, size: tar_size, list }, (*blob, size), encoding),
        }
    }

    /// Saves list and record of a layer that was read from the blob, of that digest and size, which is here.
    pub(super) fn put_read(
        &self,
        read: Written,
        (blob, size): (Digest, u64),
        encoding: Encoding,
    ) -> Result<Arc<Layer>, Error> {
        let Written { diff_id, size: tar_size, list } = read;
        let (encoded, packed, media_type) = (list.encode(), Vec::new(), media_type(encoding));
        let listed = Listed::known(&self.disk, list);
        let layer = Layer { diff_id, listed, blob, size, media_type, tar_size, packed, patched: None };
        self.put_layer(layer, &encoded)
    }

    /// A layer that is here whole, as far as can be seen without reading it; a damaged one is dropped and counts as absent.
    pub fn layer(&self, diff_id: DiffId) -> Result<Option<Arc<Layer>>, Error> {
        let layout = &self.disk.layout;
        let path = layout.layer(&diff_id);
        let known = locked(&self.layers).get(&diff_id).cloned();
        if let Some(layer) = known {
            // ORDER: the record first: list and blob are kept by what is fresh.
            if self.disk.touch(&path)?.is_some()
                && self.disk.size(&layout.blob(&layer.blob))? == Some(layer.size)
                && self.has_other(layer.patched)?
            {
                return Ok(Some(layer));
            }
            locked(&self.layers).remove(&diff_id);
        }
        let Some(record) = self.layer_record(diff_id)? else { return Ok(None) };
        match self.is_lacking(&record)? {
            None => {
                let layer = Arc::new(record.with_list(Listed::stored(&self.disk)));
                locked(&self.layers).insert(diff_id, Arc::clone(&layer));
                Ok(Some(layer))
            }
            Some(reason) => {
                let layout = &self.disk.layout;
                let mut cause = vec![layout.list(&diff_id), layout.blob(&record.blob)];
                if let Some(other) = record.patched {
                    cause.extend([layout.layer(&other.layer), layout.blob(&other.layer.0)]);
                }
                if cause.iter().any(|path| self.disk.was_noted(path)) {
                    self.drop_layer_untold(diff_id)?;
                } else {
                    self.drop_layer(diff_id, reason)?;
                }
                Ok(None)
            }
        }
    }

    /// Whether a layer is here, without reading its list: all of its files are there, and the blob has its size.
    pub fn has_layer(&self, diff_id: DiffId) -> Result<bool, Error> {
        let Some(record) = self.layer_record(diff_id)? else { return Ok(false) };
        let blob = self.disk.size(&self.disk.layout.blob(&record.blob))?;
        if blob == Some(record.size)
            && self.disk.size(&self.disk.layout.list(&diff_id))?.is_some()
            && self.has_other(record.patched)?
        {
            return Ok(true);
        }
        // What is wrong is noticed, and dropped, on the long way.
        Ok(self.layer(diff_id)?.is_some())
    }

    /// Why a layer is not here whole, as far as can be seen without reading; none if it is.
    fn is_lacking(&self, record: &LayerRecord) -> Result<Option<&'static str>, Error> {
        let layout = &self.disk.layout;
        if self.disk.size(&layout.list(&record.diff_id))?.is_none() {
            return Ok(Some("its entry list is missing"));
        }
        let path = layout.blob(&record.blob);
        let size = self.disk.size(&path)?;
        if size != Some(record.size) {
            let Some(file) = self.disk.open(&path)? else { return Ok(Some("its blob is missing")) };
            let size = file.metadata().map_err(Error::io("look at", &path))?.len();
            if size == record.size {
                return Ok(None);
            }
            let reason = format!("it has {size} bytes, not {}", record.size);
            self.disk.heal(ObjectKind::Blob, &path, &file, reason)?;
            return Ok(Some("its blob has another size"));
        }
        Ok((!self.has_other(record.patched)?).then_some("the layer that it repeats is missing"))
    }

    /// Whether the layer that a patch repeats is here, if it is one; it is used with the patch.
    fn has_other(&self, patched: Option<Patched>) -> Result<bool, Error> {
        let Some(other) = patched else { return Ok(true) };
        let layout = &self.disk.layout;
        // ORDER: the record first, as ever.
        Ok(self.disk.touch(&layout.layer(&other.layer))?.is_some()
            && self.disk.size(&layout.blob(&other.layer.0))? == Some(other.size))
    }

    /// Drops a layer that a reader found damaged, and its blob if that is what is damaged.
    pub fn discard_layer(&self, diff_id: DiffId) -> Result<(), Error> {
        if let Some(record) = self.layer_record(diff_id)? {
            let others = record.patched.map(|other| other.layer.0);
            let mut was_noted = false;
            for blob in [record.blob].into_iter().chain(others) {
                self.verify_blob(&blob)?;
                was_noted |= self.disk.was_noted(&self.disk.layout.blob(&blob));
            }
            if was_noted {
                return self.drop_layer_untold(diff_id).map(|_| ());
            }
        }
        self.drop_layer(diff_id, "its bytes are not what its list says")
    }

    pub(super) fn layer_record(&self, diff_id: DiffId) -> Result<Option<LayerRecord>, Error> {
        let path = self.disk.layout.layer(&diff_id);
        let name = diff_id.to_string();
        let Some(bytes) = self.disk.read_framed(Kind::Layer, name.as_bytes(), &path)? else {
            return Ok(None);
        };
        match serde_json::from_slice::<LayerRecord>(&bytes) {
            Ok(record) if record.diff_id == diff_id => Ok(Some(record)),
            _ => {
                self.drop_layer(diff_id, "it cannot be read")?;
                Ok(None)
            }
        }
    }

    /// Saves list and record of a layer whose blobs are here.
    pub(super) fn put_layer(&self, layer: Layer, list: &[u8]) -> Result<Arc<Layer>, Error> {
        self.disk.unsynced.count(list.len() as u64);
        let name = layer.diff_id.to_string();
        // ORDER: blob, list, record: a record that can be read has all that it speaks of.
        let path = self.disk.layout.list(&layer.diff_id);
        self.with_room(|| self.disk.write_framed(Kind::List, name.as_bytes(), &path, list))?;
        self.put_layer_record(layer)
    }

    /// The same a little later: see [`Store::write_held`].
    pub(super) fn hold_layer(&self, layer: Layer, list: Vec<u8>) -> Arc<Layer> {
        let (layout, held) = (&self.disk.layout, &self.disk.held);
        let (diff_id, name) = (layer.diff_id, layer.diff_id.to_string());
        held.push(layout.list(&diff_id), Content::Document(Kind::List, name.clone(), list));
        held.push(layout.layer(&diff_id), Content::Document(Kind::Layer, name, canonical(&layer.record())));
        let layer = Arc::new(layer);
        locked(&self.layers).insert(diff_id, Arc::clone(&layer));
        layer
    }

    /// Saves the record of a layer whose list is here.
    pub(super) fn put_layer_record(&self, layer: Layer) -> Result<Arc<Layer>, Error> {
        let name = layer.diff_id.to_string();
        let path = self.disk.layout.layer(&layer.diff_id);
        let record = canonical(&layer.record());
        self.with_room(|| self.disk.write_framed(Kind::Layer, name.as_bytes(), &path, &record))?;
        let layer = Arc::new(layer);
        locked(&self.layers).insert(layer.diff_id, Arc::clone(&layer));
        Ok(layer)
    }

    /// Removes record and list, so that the layer is made again.
    fn drop_layer(&self, diff_id: DiffId, reason: &str) -> Result<(), Error> {
        if self.drop_layer_untold(diff_id)? {
            self.disk.note(ObjectKind::Layer, &self.disk.layout.layer(&diff_id), reason);
        }
        Ok(())
    }

    /// The same where what is damaged was told already. Whether there was a record.
    fn drop_layer_untold(&self, diff_id: DiffId) -> Result<bool, Error> {
        locked(&self.layers).remove(&diff_id);
        let _removing = self.disk.removing()?;
        let was_there = self.disk.remove(&self.disk.layout.layer(&diff_id))?;
        self.disk.remove(&self.disk.layout.list(&diff_id))?;
        Ok(was_there)
    }

    pub(super) fn layer_error(&self, what: &str, source: layer::Error) -> Error {
        match source {
            layer::Error::Write(source) => Error::io_of("write a layer in", self.root(), None, source),
            source => Error::Layer { what: what.to_string(), source },
        }
    }
}
