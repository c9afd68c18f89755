//! A layer on its way into the store: from entries to tar to blob in one pass.
//!
//! Whoever has the bytes of files reads and checks them; a thread beside it hashes the tar and writes it, or compresses
//! it block by block on all processors and writes that. The tar itself is then nowhere on disk.

use std::io::{self, Read, Write};
use std::sync::Arc;

use super::beside::Beside;
use super::blob::{BlobSink, BlobWriter};
use super::error::Error;
use super::layer_list::Listed;
use super::layer_record::{Layer, Packed, form};
use super::open::Store;
use crate::layer::{Compression, Compressor, Hashing, Writer};
use crate::oci::{DiffId, MediaType};
use crate::tree::Entry;

/// LIMIT: bytes of a list that is kept in memory.
const FEW: usize = 64 << 10;

/// A layer in the making. Dropped without [`LayerWriter::commit`], it leaves nothing.
pub struct LayerWriter {
    store: Store,
    writer: Writer<Beside<Hashing<Form>>>,
}

/// Where the tar goes.
enum Form {
    Plain(BlobSink),
    Packed(Box<Compressor<BlobWriter>>, Compression),
}

impl Write for Form {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Form::Plain(sink) => sink.write(bytes),
            Form::Packed(compressor, _) => compressor.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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
        let failed = |e| store.layer_error("cannot be written", e);
        let (beside, encoded) = writer.end().map_err(failed)?;
        let hashing = beside.finish().map_err(|e| failed(crate::layer::Error::Write(e)))?;
        let (out, digest, tar_size) = hashing.finish();
        let diff_id = DiffId(digest);
        // A long list is rarely looked at again by who has just made it.
        let listed = match encoded.as_bytes().len() {
            0..FEW => Listed::known(&store.disk, encoded.decode()),
            _ => Listed::stored(&store.disk),
        };
        let plain = Layer {
            diff_id,
            listed,
            blob: digest,
            size: tar_size,
            media_type: MediaType::ImageLayer,
            tar_size,
            packed: Vec::new(),
        };
        let layer = match out {
            // The plain form is the tar itself, which is hashed.
            Form::Plain(sink) => {
                sink.commit(&digest)?;
                plain
            }
            Form::Packed(compressor, compression) => {
                let blob = compressor.finish().map_err(|e| failed(crate::layer::Error::Write(e)))?;
                let (blob, size) = blob.commit(None)?;
                let packed = vec![Packed { form: form(compression), digest: blob, size }];
                Layer { blob, size, media_type: compression.media_type(), packed, ..plain }
            }
        };
        let layer = store.with_other_forms(layer)?;
        store.put_layer(layer, encoded.as_bytes())
    }
}

impl Store {
    /// The layer with the forms that the store has of it already: a plain one stays the one that is read.
    fn with_other_forms(&self, mut layer: Layer) -> Result<Layer, Error> {
        let Some(before) = self.layer_record(layer.diff_id)? else { return Ok(layer) };
        for packed in before.packed {
            if layer.packed.iter().all(|known| known.form != packed.form) {
                layer.packed.push(packed);
            }
        }
        let plain = layer.diff_id.0;
        if before.blob == plain && self.blob_size(&plain)? == Some(layer.tar_size) {
            (layer.blob, layer.size, layer.media_type) = (plain, layer.tar_size, MediaType::ImageLayer);
        }
        Ok(layer)
    }

    /// Starts a layer that is kept plain.
    pub fn layer_writer(&self) -> Result<LayerWriter, Error> {
        self.layer_writer_as(Compression::Uncompressed)
    }

    /// Starts a layer that is kept in this form and no other: the one that an output wants, of a layer that nothing in this
    /// build reads.
    pub fn layer_writer_as(&self, compression: Compression) -> Result<LayerWriter, Error> {
        let form = match compression {
            Compression::Uncompressed => Form::Plain(BlobSink::new(self)?),
            compression => {
                let compressor = Compressor::new(self.blob_writer()?, compression);
                Form::Packed(Box::new(compressor), compression)
            }
        };
        let writer = Writer::onto(Beside::new(Hashing::new(form)));
        Ok(LayerWriter { store: self.clone(), writer })
    }
}
