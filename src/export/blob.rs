//! The layers of an image in the form that an output wants.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek};
use std::path::Path;

use super::error::Error;
use super::outgoing::Outgoing;
use crate::layer::{Compression, Compressor};
use crate::oci::{Descriptor, Digest, Hashing, MediaType, descriptor_digest, new_descriptor};
use crate::store::{Kept, Layer, RemoteLayer, Store, form};

/// How layers are compressed on their way out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Encode {
    /// For layers that are not compressed yet.
    pub compression: Compression,
    /// Also for those that came with another compression.
    pub force: bool,
}

/// Where a blob's bytes are.
pub(super) enum Bytes {
    /// In the store, as they are.
    Stored(Digest),
    /// In the store, but compressed: the plain form is in no file.
    Unpacked,
    /// In a file without a name, at its start.
    Made(File),
    /// Made before, by the same settings; only the name is remembered.
    Remembered,
}

/// A layer as it goes out.
pub(super) struct Blob {
    /// Media type, digest and size.
    pub descriptor: Descriptor,
    /// Where the bytes are.
    pub bytes: Bytes,
}

/// The blob of the store that has to be whole for `layer` to go out, if it goes out as it is there.
pub(super) fn needed(store: &Store, layer: &Layer, encode: Encode) -> Result<Option<Digest>, Error> {
    if stays(layer, encode) {
        return Ok(Some(layer.blob));
    }
    Ok(store.packed(layer.diff_id, encode.compression)?.map(|(digest, _)| digest))
}

/// Whether `layer` goes out as what it is. COMPAT: as in BuildKit, a layer that came compressed stays as it is unless
/// another form is forced.
fn stays(layer: &Layer, encode: Encode) -> bool {
    match Form::of(layer.descriptor().media_type()) {
        None => false,
        Some(form) if form == Form::wanted(encode.compression) => true,
        Some(Form::Plain) => false,
        Some(_) => !encode.force,
    }
}

/// The same for a layer that is elsewhere: whether its blob there is what would be made of it here.
pub(super) fn goes_as_it_is(layer: &RemoteLayer, encode: Encode) -> bool {
    match layer.kept {
        Kept::Plain { made_by, .. } => made_by == Some(encode.compression),
        Kept::AsItComes => match Form::of(layer.blob.media_type()) {
            None | Some(Form::Plain) => encode.compression == Compression::Uncompressed,
            Some(form) => form == Form::wanted(encode.compression) || !encode.force,
        },
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    Gzip,
    Zstd,
}

impl Form {
    fn of(media_type: &MediaType) -> Option<Form> {
        let text = media_type.as_ref();
        let known = text.starts_with("application/vnd.oci.image.layer.")
            || text.starts_with("application/vnd.docker.image.rootfs.");
        match text.rsplit_once(['+', '.']) {
            Some((_, "tar")) if known => Some(Form::Plain),
            Some((_, "gzip")) if known => Some(Form::Gzip),
            Some((_, "zstd")) if known => Some(Form::Zstd),
            _ => None,
        }
    }

    fn wanted(compression: Compression) -> Form {
        match compression {
            Compression::Uncompressed => Form::Plain,
            Compression::Gzip { .. } => Form::Gzip,
            Compression::Zstd { .. } => Form::Zstd,
        }
    }
}

/// The layer as `encode` wants it. What has to be made of a layer of ours is kept in the store; what of another, goes to a
/// file without a name in `directory`. With `remember` it is not made again if a former export of the same layer left its
/// digest.
pub(super) fn blob(
    store: &Store,
    layer: &Layer,
    encode: Encode,
    directory: &Path,
    remember: bool,
) -> Result<Blob, Error> {
    if stays(layer, encode) {
        let descriptor = layer.descriptor();
        let is_stored = descriptor_digest(&descriptor).is_ok_and(|digest| digest == layer.blob);
        let bytes = if is_stored { Bytes::Stored(layer.blob) } else { Bytes::Unpacked };
        return Ok(Blob { descriptor, bytes });
    }
    if let Some((digest, size)) = store.packed(layer.diff_id, encode.compression)? {
        let descriptor = new_descriptor(encode.compression.media_type(), digest, size);
        return Ok(Blob { descriptor, bytes: Bytes::Stored(digest) });
    }
    let key = memory_key(layer, encode.compression);
    if remember && let Some(descriptor) = recall(store, &key, encode.compression)? {
        return Ok(Blob { descriptor, bytes: Bytes::Remembered });
    }
    let (blob, digest) = make(store, layer, encode.compression, directory)?;
    let memory = format!("{digest} {}", blob.descriptor.size());
    store.put_record(&key, memory.as_bytes(), &[layer.diff_id])?;
    Ok(blob)
}

/// Compresses a layer: into the store, or, if it is not ours or the store has no room, into a file in `directory`.
fn make(
    store: &Store,
    layer: &Layer,
    compression: Compression,
    directory: &Path,
) -> Result<(Blob, Digest), Error> {
    if layer.is_ours() {
        match store.pack(layer, compression, &|| false) {
            Ok((digest, size)) => {
                let descriptor = new_descriptor(compression.media_type(), digest, size);
                return Ok((Blob { descriptor, bytes: Bytes::Stored(digest) }, digest));
            }
            Err(crate::store::Error::NoSpace { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let (descriptor, file) = compress(store, layer, compression, directory)?;
    let digest = descriptor_digest(&descriptor).expect("made from a digest of ours");
    Ok((Blob { descriptor, bytes: Bytes::Made(file) }, digest))
}

/// The blob's bytes, once they are needed after all.
pub(super) fn open(
    store: &Store,
    layer: &Layer,
    encode: Encode,
    blob: Blob,
    directory: &Path,
) -> Result<Outgoing, Error> {
    match blob.bytes {
        // This process hashed those bytes as it wrote them.
        Bytes::Stored(digest) if store.has_just_written(&digest) => {
            Ok(Outgoing::File(store.open_blob(&digest)?.ok_or(Error::Missing(digest))?))
        }
        // Verified while it is copied: a damaged blob must not leave the house under its old name.
        Bytes::Stored(digest) => {
            Ok(Outgoing::Stream(Box::new(store.blob_reader(&digest)?.ok_or(Error::Missing(digest))?)))
        }
        Bytes::Unpacked => Ok(Outgoing::Stream(store.open_tar(layer)?)),
        Bytes::Made(_) | Bytes::Remembered => {
            Ok(Outgoing::File(file(store, layer, encode, blob, directory)?))
        }
    }
}

/// As [`open`], readable from any place.
pub(super) fn file(
    store: &Store,
    layer: &Layer,
    encode: Encode,
    blob: Blob,
    directory: &Path,
) -> Result<File, Error> {
    match blob.bytes {
        Bytes::Made(file) => Ok(file),
        Bytes::Stored(digest) => stored(store, &digest),
        Bytes::Unpacked => Ok(compress(store, layer, Compression::Uncompressed, directory)?.1),
        Bytes::Remembered => {
            let (made, _) = make(store, layer, encode.compression, directory)?;
            if made.descriptor != blob.descriptor {
                let source = io::Error::other("the same layer was compressed to other bytes before");
                return Err(Error::Layer { layer: layer.diff_id, source });
            }
            file(store, layer, encode, made, directory)
        }
    }
}

/// A blob of the store, verified.
pub(super) fn stored(store: &Store, digest: &Digest) -> Result<File, Error> {
    match store.verify_blob(digest)? {
        true => store.open_blob(digest)?.ok_or(Error::Missing(*digest)),
        false => Err(Error::Missing(*digest)),
    }
}

fn compress(
    store: &Store,
    layer: &Layer,
    compression: Compression,
    directory: &Path,
) -> Result<(Descriptor, File), Error> {
    let failed = |source: io::Error| match source.kind() {
        // Only what is written can lack room.
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Error::destination("write a file in", directory)(source)
        }
        _ => Error::Layer { layer: layer.diff_id, source },
    };
    let file = tempfile::tempfile_in(directory).map_err(Error::destination("make a file in", directory))?;
    let mut tar = BufReader::with_capacity(1 << 18, store.open_tar(layer)?);
    let hashing = Hashing::new(BufWriter::with_capacity(1 << 18, file));
    let mut compressor = Compressor::new(hashing, compression);
    io::copy(&mut tar, &mut compressor).map_err(failed)?;
    let (out, digest, size) = compressor.finish().map_err(failed)?.finish();
    let mut file = out.into_inner().map_err(|e| failed(e.into_error()))?;
    file.rewind().map_err(failed)?;
    Ok((new_descriptor(compression.media_type(), digest, size), file))
}

fn memory_key(layer: &Layer, compression: Compression) -> Digest {
    let form = form(compression);
    Digest::of(format!("rbuild compressed layer, format 1\n{}\n{form}\n", layer.diff_id).as_bytes())
}

fn recall(store: &Store, key: &Digest, compression: Compression) -> Result<Option<Descriptor>, Error> {
    let Some(memory) = store.record(key)? else { return Ok(None) };
    let memory = String::from_utf8_lossy(&memory);
    let Some((digest, size)) = memory.split_once(' ') else { return Ok(None) };
    let (Ok(digest), Ok(size)) = (digest.parse(), size.parse()) else { return Ok(None) };
    Ok(Some(new_descriptor(compression.media_type(), digest, size)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_a_layer_is_read_from_its_media_type() {
        for (text, want) in [
            ("application/vnd.oci.image.layer.v1.tar", Some(Form::Plain)),
            ("application/vnd.oci.image.layer.v1.tar+gzip", Some(Form::Gzip)),
            ("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", Some(Form::Zstd)),
            ("application/vnd.docker.image.rootfs.diff.tar.gzip", Some(Form::Gzip)),
            ("application/vnd.docker.image.rootfs.diff.tar", Some(Form::Plain)),
            ("application/x-xz", None),
        ] {
            assert!(Form::of(&MediaType::from(text)) == want, "{text}");
        }
    }
}
