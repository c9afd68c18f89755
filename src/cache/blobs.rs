//! What of a layer goes into a cache: its blob, and its list.

use std::fs::File;
use std::io::{self, BufWriter, Read as _, Seek, Write};

use super::document::KnownLayer;
use super::error::Error;
use crate::layer::{Compression, Compressor, LayerList};
use crate::oci::{Digest, Hashing};
use crate::store::{Layer, Store};

/// A layer in the form in which it goes.
pub(super) struct Made {
    pub known: KnownLayer,
    pub blob: File,
    pub list: Vec<u8>,
}

/// The stored form of a list, compressed.
pub(super) fn list(list: &LayerList) -> Vec<u8> {
    zstd::bulk::compress(&list.encode(), 3).expect("memory takes what is written")
}

/// Makes the blob of a layer, into a file without a name. A layer that came compressed stays as it is.
pub(super) fn make(
    store: &Store,
    layer: &Layer,
    compression: Compression,
    canceled: &dyn Fn() -> bool,
) -> Result<Made, Error> {
    let failed = |source| Error::Layer { layer: layer.diff_id, source };
    let list = list(layer.list()?);
    let of_list = Some((Digest::of(&list), list.len() as u64));
    let tar_size = layer.tar_size;
    if !layer.is_ours() || (layer.is_plain() && compression == Compression::Uncompressed) {
        let gone = || Error::Store(crate::store::Error::MissingBlob(layer.blob));
        if !store.verify_blob(&layer.blob)? {
            return Err(gone());
        }
        let blob = store.open_blob(&layer.blob)?.ok_or_else(gone)?;
        let made_by = layer.is_plain().then_some(Compression::Uncompressed);
        let (digest, size, media_type) = (layer.blob, layer.size, layer.media_type.clone());
        let known = KnownLayer { blob: digest, size, media_type, tar_size, made_by, list: of_list };
        return Ok(Made { known, blob, list });
    }
    // What an output has asked for is there already.
    if let Some((digest, size)) = store.packed(layer.diff_id, compression)?
        && store.verify_blob(&digest)?
        && let Some(blob) = store.open_blob(&digest)?
    {
        let (made_by, media_type) = (Some(compression), compression.media_type());
        let known = KnownLayer { blob: digest, size, media_type, tar_size, made_by, list: of_list };
        return Ok(Made { known, blob, list });
    }
    let directory = store.temp_dir()?;
    let file = tempfile::tempfile_in(directory.path()).map_err(failed)?;
    let mut tar = store.open_tar(layer)?;
    let out = Hashing::new(BufWriter::with_capacity(1 << 18, file));
    let mut compressor = Compressor::new(out, compression);
    let mut buffer = vec![0; 1 << 18];
    loop {
        if canceled() {
            return Err(Error::Canceled);
        }
        match tar.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => compressor.write_all(&buffer[..count]).map_err(failed)?,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(failed(e)),
        }
    }
    let (out, digest, size) = compressor.finish().map_err(failed)?.finish();
    let mut blob = out.into_inner().map_err(|e| failed(e.into_error()))?;
    blob.rewind().map_err(failed)?;
    let (made_by, media_type) = (Some(compression), compression.media_type());
    let known = KnownLayer { blob: digest, size, media_type, tar_size, made_by, list: of_list };
    Ok(Made { known, blob, list })
}
