//! Compressed forms of layers, kept beside or instead of the plain ones, so that no build makes them again.

use std::io::{self, Read as _, Write as _};

use super::error::Error;
use super::layer_record::{Layer, Packed, form};
use super::lock::locked;
use super::open::Store;
use crate::layer::{Compression, Compressor};
use crate::oci::{DiffId, Digest};

impl Store {
    /// The blob and its size that hold the layer in that form, if it was made here and is here.
    pub fn packed(&self, diff_id: DiffId, compression: Compression) -> Result<Option<(Digest, u64)>, Error> {
        let known = locked(&self.layers).get(&diff_id).map(|layer| layer.packed.clone());
        let packed = match known {
            Some(packed) => packed,
            None => self.layer_record(diff_id)?.map(|record| record.packed).unwrap_or_default(),
        };
        let form = form(compression);
        let Some(Packed { digest, size, .. }) = packed.into_iter().find(|packed| packed.form == form) else {
            return Ok(None);
        };
        Ok((self.blob_size(&digest)? == Some(size)).then_some((digest, size)))
    }

    /// Makes that form of a layer, unless it is here. It ends early, with an error, when `canceled`.
    pub fn pack(
        &self,
        layer: &Layer,
        compression: Compression,
        canceled: &dyn Fn() -> bool,
    ) -> Result<(Digest, u64), Error> {
        if let Some(there) = self.packed(layer.diff_id, compression)? {
            return Ok(there);
        }
        let mut tar = self.open_tar(layer)?;
        let mut buffer = vec![0; 1 << 18];
        let mut compressor = Compressor::new(self.blob_writer()?, compression);
        let failed = |e: io::Error| self.layer_error("cannot be compressed", crate::layer::Error::Write(e));
        loop {
            if canceled() {
                return Err(failed(io::Error::other("canceled")));
            }
            match tar.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => compressor.write_all(&buffer[..count]).map_err(failed)?,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                // What the store found damaged says so itself.
                Err(e) => return Err(e.downcast().unwrap_or_else(Error::io("read a layer in", self.root()))),
            }
        }
        let (digest, size) = compressor.finish().map_err(failed)?.commit(None)?;
        // What others have added to the record meanwhile stays.
        let Some(now) = self.layer(layer.diff_id)? else { return Ok((digest, size)) };
        let mut now = (*now).clone();
        now.packed.retain(|packed| packed.form != form(compression));
        now.packed.push(Packed { form: form(compression), digest, size });
        self.put_layer_record(now)?;
        Ok((digest, size))
    }
}
