//! A layer that comes compressed and is kept as the plain tar that it is.

use std::io::{self, Read, Write};
use std::sync::Arc;

use super::blob::BlobSink;
use super::error::Error;
use super::layer_list::Listed;
use super::layer_record::Layer;
use super::open::Store;
use crate::layer::{self, Limits, Written};
use crate::oci::{DiffId, MediaType};

/// Keeps a copy of what passes through.
struct Tee<'a> {
    tar: Box<dyn Read + Send + 'a>,
    copy: BlobSink,
}

impl Read for Tee<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.tar.read(buffer)?;
        self.copy.write_all(&buffer[..n])?;
        Ok(n)
    }
}

impl Store {
    /// Reads a blob in any compression as the layer `expect`, whose digest is verified, and keeps its tar: what doing
    /// the step would have left. A layer that is here already stays as it is.
    pub fn import_plain(&self, blob: &mut (dyn Read + Send), expect: DiffId) -> Result<Arc<Layer>, Error> {
        let failed = |source| match source {
            // A disk that is full has nothing to do with the bytes.
            layer::Error::Read(e) if e.get_ref().is_some_and(|e| e.is::<Error>()) => {
                Error::io_of("write a layer in", self.root(), None, e)
            }
            source => Error::Layer { what: expect.to_string(), source },
        };
        let limits = Limits::default();
        let tar = layer::decompress(Box::new(blob), &limits).map_err(|e| failed(layer::Error::Read(e)))?;
        let mut tee = Tee { tar, copy: BlobSink::new(self)? };
        let Written { diff_id, size, list } = layer::read(&mut tee, &limits).map_err(failed)?;
        if diff_id != expect {
            return Err(Error::WrongDiffId { blob: expect.0, expected: expect, actual: diff_id });
        }
        if let Some(layer) = self.layer(diff_id)? {
            return Ok(layer);
        }
        tee.copy.commit(&diff_id.0)?;
        let media_type = MediaType::ImageLayer;
        let (encoded, packed) = (list.encode(), Vec::new());
        let listed = Listed::known(&self.disk, list);
        let layer = Layer { diff_id, listed, blob: diff_id.0, size, media_type, tar_size: size, packed };
        self.put_layer(layer, &encoded)
    }
}
