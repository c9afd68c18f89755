//! Layers, by diff ID: which blob holds one, and what entries are in it.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use super::blob::BlobSink;
use super::error::Error;
use super::frame::Kind;
use super::healed::ObjectKind;
use super::layer_record::{Layer, LayerRecord};
use super::lock::locked;
use super::open::Store;
use crate::layer::{self, Encoding, LayerList, Limits, Writer, Written};
use crate::oci::{DiffId, Digest, Hasher, MediaType, canonical};
use crate::tree::Entry;

/// A layer in the making, in the plain form. Dropped without [`LayerWriter::commit`], it leaves nothing.
pub struct LayerWriter {
    store: Store,
    writer: Writer<BlobSink>,
}

impl LayerWriter {
    /// Adds the next entry, in order, with its bytes if it is a file.
    pub fn entry(&mut self, entry: &Entry, content: Option<&mut dyn Read>) -> Result<(), Error> {
        self.writer.entry(entry, content).map_err(|e| self.store.layer_error("cannot be written", e))
    }

    /// Adds the next entry, a regular file whose bytes `content` vouches for; false, and nothing is added, if it cannot.
    pub fn settled(
        &mut self,
        entry: &Entry,
        content: &mut dyn FnMut(&mut Vec<u8>) -> bool,
    ) -> Result<bool, Error> {
        self.writer.settled(entry, content).map_err(|e| self.store.layer_error("cannot be written", e))
    }

    /// Ends the layer and stores it.
    pub fn commit(self) -> Result<Arc<Layer>, Error> {
        let LayerWriter { store, writer } = self;
        let (sink, written) = writer.finish().map_err(|e| store.layer_error("cannot be written", e))?;
        let Written { diff_id, size, list } = written;
        // The plain form is the tar itself, which the writer has hashed.
        sink.commit(&diff_id.0)?;
        let layer =
            Layer { diff_id, list, blob: diff_id.0, size, media_type: MediaType::ImageLayer, tar_size: size };
        store.put_layer(layer)
    }
}

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
    /// Starts a layer.
    pub fn layer_writer(&self) -> Result<LayerWriter, Error> {
        Ok(LayerWriter { store: self.clone(), writer: Writer::new(BlobSink::new(self)?) })
    }

    /// Reads a blob that is already here, in any compression, as a layer; verifies both digests and saves its list. If
    /// the layer is already here in another form, that form stays the layer's.
    pub fn import_layer(&self, blob: &Digest, expect: Option<DiffId>) -> Result<Arc<Layer>, Error> {
        let file = self.open_blob(blob)?.ok_or(Error::MissingBlob(*blob))?;
        let path = self.disk.layout.blob(blob);
        let mut head = [0; 512];
        let n = std::os::unix::fs::FileExt::read_at(&file, &mut head, 0).map_err(Error::io("read", &path))?;
        let media_type = media_type(layer::sniff(&head[..n]));
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
            None => self.put_layer(Layer { diff_id, list, blob: *blob, size, media_type, tar_size }),
        }
    }

    /// A layer that is here whole; a damaged one is dropped and counts as absent.
    pub fn layer(&self, diff_id: DiffId) -> Result<Option<Arc<Layer>>, Error> {
        let layout = &self.disk.layout;
        let path = layout.layer(&diff_id);
        let known = locked(&self.layers).get(&diff_id).cloned();
        if let Some(layer) = known {
            // ORDER: the record first: list and blob are kept by what is fresh.
            if self.disk.touch(&path)?.is_some()
                && self.disk.size(&layout.blob(&layer.blob))? == Some(layer.size)
            {
                return Ok(Some(layer));
            }
            locked(&self.layers).remove(&diff_id);
        }
        let Some(record) = self.layer_record(diff_id)? else { return Ok(None) };
        match self.load_list(&record)? {
            Ok(list) => {
                let layer = Arc::new(record.with_list(list));
                locked(&self.layers).insert(diff_id, Arc::clone(&layer));
                Ok(Some(layer))
            }
            Err(reason) => {
                let layout = &self.disk.layout;
                let cause = [layout.list(&diff_id), layout.blob(&record.blob)];
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
        if blob == Some(record.size) && self.disk.size(&self.disk.layout.list(&diff_id))?.is_some() {
            return Ok(true);
        }
        // What is wrong is noticed, and dropped, on the long way.
        Ok(self.layer(diff_id)?.is_some())
    }

    /// The list of a layer that is here whole, or why it is not.
    fn load_list(&self, record: &LayerRecord) -> Result<Result<LayerList, &'static str>, Error> {
        let layout = &self.disk.layout;
        let name = record.diff_id.to_string();
        let path = layout.list(&record.diff_id);
        let bytes = self.disk.read_framed_of(Kind::List, ObjectKind::EntryList, name.as_bytes(), &path)?;
        let Some(bytes) = bytes else { return Ok(Err("its entry list is missing")) };
        // The frame was whole, so another version of this program wrote what cannot be read.
        let Ok(list) = LayerList::decode(&bytes) else { return Ok(Err("its entry list cannot be read")) };
        let path = layout.blob(&record.blob);
        let Some(file) = self.disk.open(&path)? else { return Ok(Err("its blob is missing")) };
        let size = file.metadata().map_err(Error::io("look at", &path))?.len();
        if size != record.size {
            let reason = format!("it has {size} bytes, not {}", record.size);
            self.disk.heal(ObjectKind::Blob, &path, &file, reason)?;
            return Ok(Err("its blob has another size"));
        }
        Ok(Ok(list))
    }

    /// Drops a layer that a reader found damaged, and its blob if that is what is damaged.
    pub fn discard_layer(&self, diff_id: DiffId) -> Result<(), Error> {
        if let Some(record) = self.layer_record(diff_id)? {
            self.verify_blob(&record.blob)?;
            if self.disk.was_noted(&self.disk.layout.blob(&record.blob)) {
                return self.drop_layer_untold(diff_id).map(|_| ());
            }
        }
        self.drop_layer(diff_id, "its bytes are not what its list says")
    }

    fn layer_record(&self, diff_id: DiffId) -> Result<Option<LayerRecord>, Error> {
        let path = self.disk.layout.layer(&diff_id);
        let name = diff_id.to_string();
        let Some(bytes) = self.disk.read_framed(Kind::Layer, ObjectKind::Layer, name.as_bytes(), &path)?
        else {
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

    pub(super) fn put_layer(&self, layer: Layer) -> Result<Arc<Layer>, Error> {
        let name = layer.diff_id.to_string();
        let list = layer.list.encode();
        self.disk.unsynced.count(list.len() as u64);
        let layout = &self.disk.layout;
        // ORDER: blob, list, record: a record that can be read has all that it speaks of.
        self.disk.write_framed(Kind::List, name.as_bytes(), &layout.list(&layer.diff_id), &list)?;
        let record = canonical(&layer.record());
        self.disk.write_framed(Kind::Layer, name.as_bytes(), &layout.layer(&layer.diff_id), &record)?;
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

    fn layer_error(&self, what: &str, source: layer::Error) -> Error {
        match source {
            layer::Error::Write(source) => Error::io_of("write a layer in", self.root(), None, source),
            source => Error::Layer { what: what.to_string(), source },
        }
    }
}
