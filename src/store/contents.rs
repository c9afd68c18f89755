//! The bytes of a layer: all of them in order, or chosen files by index.

use std::io::{self, Read};

use super::error::Error;
use super::layer::Layer;
use super::store::Store;

/// Chosen files of a layer, open for reading in any order.
pub struct Contents {
    store: Store,
}

/// The bytes of one file. The last read fails if they are not what the entry says.
pub struct ContentReader {
    store: Store,
}

impl Contents {
    /// The bytes of the entry at `index` of the layer's list, which must be among the wanted ones.
    pub fn open(&self, index: usize) -> Result<ContentReader, Error> {
        let _ = (&self.store, index);
        todo!()
    }
}

impl Read for ContentReader {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        let _ = &self.store;
        todo!()
    }
}

impl Store {
    /// Makes the bytes of the `wanted` entries readable: in place for a plain layer, by one pass into an unlinked file
    /// for a compressed one.
    pub fn contents(&self, layer: &Layer, wanted: &[usize]) -> Result<Contents, Error> {
        let _ = (layer, wanted);
        todo!()
    }

    /// The uncompressed tar. The read that reaches the end fails, and the layer is dropped, if it is not what the diff
    /// ID says.
    pub fn open_tar(&self, layer: &Layer) -> Result<Box<dyn Read + Send>, Error> {
        let _ = layer;
        todo!()
    }
}
