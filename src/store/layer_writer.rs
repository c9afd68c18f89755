//! A layer on its way into the store: from entries to tar to blob in one pass.
//!
//! Whoever has the bytes of files reads and checks them; a thread beside it hashes the tar and writes it, or compresses
//! it block by block on all processors and writes that. The tar itself is then nowhere on disk. Neither is that of a layer
//! that differs little from another: it is kept as its patch.

use std::io::{self, Read, Write};
use std::sync::Arc;

use super::beside::Beside;
use super::blob::{BlobSink, BlobWriter};
use super::error::Error;
use super::layer_list::Listed;
use super::layer_record::{Layer, Packed, Patched, form};
use super::open::Store;
use super::patch::{Repeat, Tar, TarStream};
use super::patch_sink::PatchSink;
use super::repeats::Repeats;
use crate::layer::{self, Compression, Compressor, Writer};
use crate::oci::{DiffId, Hashing, MediaType};
use crate::tree::{Entry, Kind};

/// LIMIT: bytes of a list that is kept in memory.
const FEW: usize = 64 << 10;

/// What a patch is: nobody but this store reads one.
const PATCH: &str = "application/vnd.rbuild.layer.patch.v1";

/// A layer in the making. Dropped without [`LayerWriter::commit`], it leaves nothing.
pub struct LayerWriter {
    store: Store,
    writer: Writer<Out>,
    repeats: Option<(Repeats, TarStream)>,
}

/// Where the tar goes, and who hashes it.
enum Out {
    Whole(Beside<Hashing<Form>>),
    Patch(PatchSink),
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Out::Whole(beside) => beside.write(bytes),
            Out::Patch(sink) => sink.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The form in which a tar is kept.
enum Form {
    Plain(BlobSink),
    Packed(Box<Compressor<BlobWriter>>, Compression),
    /// What a [`PatchSink`] has left of it.
    Patch(BlobWriter),
}

impl Write for Form {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Form::Plain(sink) => sink.write(bytes),
            Form::Packed(compressor, _) => compressor.write(bytes),
            Form::Patch(blob) => blob.write(bytes),
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

    /// Adds the next entry, which has that `number` in what the writer's [`Repeats`] were made of, from there; false, and
    /// nothing is added, if it is not there.
    pub fn repeated(&mut self, number: usize, entry: &Entry) -> Result<bool, Error> {
        let Some((repeats, tar)) = &mut self.repeats else { return Ok(false) };
        let (Some(from), Kind::File { size: length, .. }) = (repeats.offset(number), &entry.kind) else {
            return Ok(false);
        };
        let mut begin = |out: &mut Out, at| {
            if let Out::Patch(sink) = out {
                sink.announce(Repeat { at, from, length: *length });
            }
        };
        let mut content = tar.part(from, *length);
        let written = self.writer.told(entry, &mut content, &mut begin);
        match written {
            // Its bytes are not what its list says, or cannot be read.
            Err(layer::Error::Changed { .. } | layer::Error::Content { .. }) => {
                let diff_id = repeats.layer.diff_id;
                self.store.discard_layer(diff_id)?;
                let reason = "a file's bytes are not those of its entry".to_string();
                Err(Error::Damaged { what: format!("layer {diff_id}"), reason })
            }
            written => written.map(|()| true).map_err(|e| self.store.layer_error("cannot be written", e)),
        }
    }

    /// Ends the layer and stores it.
    pub fn commit(self) -> Result<Arc<Layer>, Error> {
        self.end(false)
    }

    /// The same; a small one is known from now on, and written when somebody looks for it or calls [`Store::write_held`].
    pub fn commit_held(self) -> Result<Arc<Layer>, Error> {
        self.end(true)
    }

    fn end(self, may_wait: bool) -> Result<Arc<Layer>, Error> {
        let LayerWriter { store, writer, repeats } = self;
        let failed = |e| store.layer_error("cannot be written", e);
        let failed_write = |e| failed(layer::Error::Write(e));
        let (out, encoded) = writer.end().map_err(failed)?;
        let (kept, digest, tar_size) = match out {
            Out::Whole(beside) => beside.finish().map_err(failed_write)?.finish(),
            Out::Patch(sink) => {
                let (blob, digest, size) = sink.finish().map_err(failed_write)?;
                (Form::Patch(blob), digest, size)
            }
        };
        let diff_id = DiffId(digest);
        // A long list is rarely looked at again by who has just made it.
        let is_short = encoded.as_bytes().len() < FEW;
        let listed = match is_short {
            true => Listed::known(&store.disk, encoded.decode()),
            false => Listed::stored(&store.disk),
        };
        let plain = Layer {
            diff_id,
            listed,
            blob: digest,
            size: tar_size,
            media_type: MediaType::ImageLayer,
            tar_size,
            packed: Vec::new(),
            patched: None,
        };
        let layer = match kept {
            // The plain form is the tar itself, which is hashed.
            Form::Plain(sink) if may_wait && is_short && sink.is_in_memory() => {
                let layer = store.with_other_forms(plain)?;
                // ORDER: as in `put_layer`.
                sink.hold(&digest);
                return Ok(store.hold_layer(layer, encoded.as_bytes().to_vec()));
            }
            Form::Plain(sink) => {
                sink.commit(&digest)?;
                plain
            }
            Form::Patch(patch) => {
                // What is here whole already needs no patch.
                if let Some(there) = store.layer(diff_id)?.filter(|layer| layer.is_plain()) {
                    return Ok(there);
                }
                let (blob, size) = patch.commit(None)?;
                let media_type = MediaType::Other(PATCH.to_string());
                let other = repeats.map(|(repeats, _)| repeats.layer);
                let patched = other.map(|other| Patched { layer: other.diff_id, size: other.size });
                Layer { blob, size, media_type, patched, ..plain }
            }
            Form::Packed(compressor, compression) => {
                let (blob, size) = compressor.finish().map_err(failed_write)?.commit(None)?;
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
            layer.patched = None;
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
            Compression::Uncompressed => Form::Plain(BlobSink::new(self)),
            compression => {
                let compressor = Compressor::new(self.blob_writer()?, compression);
                Form::Packed(Box::new(compressor), compression)
            }
        };
        let writer = Writer::onto(Out::Whole(Beside::new(Hashing::new(form))));
        Ok(LayerWriter { store: self.clone(), writer, repeats: None })
    }

    /// Starts a layer of which only that is kept which another does not have.
    pub fn layer_writer_on(&self, repeats: Repeats) -> Result<LayerWriter, Error> {
        let other = repeats.layer.blob;
        let open = || self.open_blob(&other)?.ok_or(Error::MissingBlob(other));
        let writer = Writer::onto(Out::Patch(PatchSink::new(self.blob_writer()?, open()?)));
        let repeats = Some((repeats, TarStream::new(Tar::Whole(open()?))));
        Ok(LayerWriter { store: self.clone(), writer, repeats })
    }
}
