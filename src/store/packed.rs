//! Compressed forms of layers, kept beside or instead of the plain ones, so that no build makes them again.

use std::io::{self, Read, Write as _};
use std::sync::Arc;

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

/// A blob by its digest, whether it is in a file of its own or is the tar of a layer that is kept in another form.
impl Store {
    /// The size of a blob that is here, or that a layer unpacks to.
    pub fn blob_or_tar_size(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        match self.blob_size(digest)? {
            Some(size) => Ok(Some(size)),
            None => Ok(self.unpacking(digest)?.map(|layer| layer.tar_size)),
        }
    }

    /// The same blob, verified while it is read.
    pub fn blob_or_tar(&self, digest: &Digest) -> Result<Option<Box<dyn Read + Send>>, Error> {
        if let Some(reader) = self.blob_reader(digest)? {
            return Ok(Some(Box::new(reader)));
        }
        self.unpacking(digest)?.map(|layer| self.open_tar(&layer)).transpose()
    }

    /// Reads through what is on disk of it; false if that is not here, or damaged and so dropped.
    pub fn verify_blob_or_tar(&self, digest: &Digest) -> Result<bool, Error> {
        Ok(self.verify_blob(digest)?
            || match self.unpacking(digest)? {
                Some(layer) => {
                    self.verify_blob(&layer.blob)?
                        && layer.patched.map_or(Ok(true), |other| self.verify_blob(&other.layer.0))?
                }
                None => false,
            })
    }

    fn unpacking(&self, digest: &Digest) -> Result<Option<Arc<Layer>>, Error> {
        Ok(self.layer(DiffId(*digest))?.filter(|layer| layer.is_ours()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::{LAYER_EPOCH, MediaType};
    use crate::store::Options;
    use crate::tree::{Entry, Kind, RootPath, Time};

    fn layer(store: &Store, form: Compression) -> Arc<Layer> {
        let content = "some text, many times\n".repeat(200_000);
        let path = RootPath::clean("file").unwrap();
        let kind = Kind::File { size: content.len() as u64, digest: Digest::of(content.as_bytes()) };
        let entry = Entry { kind, ..Entry::directory(path, Time::from_seconds(LAYER_EPOCH.0)) };
        let mut writer = store.layer_writer_as(form).unwrap();
        writer.entry(&entry, Some(&mut content.as_bytes())).unwrap();
        writer.commit().unwrap()
    }

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Options::default()).unwrap();
        (dir, store)
    }

    const GZIP: Compression = Compression::Gzip { level: 6 };
    const ZSTD: Compression = Compression::Zstd { level: 3 };

    #[test]
    fn a_layer_is_the_same_to_an_image_in_whatever_form_it_is_kept() {
        let (_dir, plain) = store();
        let want = layer(&plain, Compression::Uncompressed);
        let made = plain.pack(&want, GZIP, &|| false).unwrap();
        for form in [GZIP, ZSTD] {
            let (_dir, store) = store();
            let packed = layer(&store, form);
            assert_eq!(packed.descriptor(), want.descriptor());
            assert_eq!(packed.media_type, form.media_type());
            assert_eq!(packed.list().unwrap(), want.list().unwrap());
            assert_eq!(store.blob_size(&want.blob).unwrap(), None, "the tar is in no file");
            assert_eq!(store.packed(packed.diff_id, form).unwrap(), Some((packed.blob, packed.size)));
            // What is compressed as it is written is what is compressed later.
            assert_eq!(store.pack(&packed, GZIP, &|| false).unwrap(), made);
            let mut tar = Vec::new();
            store.blob_or_tar(&want.blob).unwrap().unwrap().read_to_end(&mut tar).unwrap();
            assert_eq!(Digest::of(&tar), want.blob);
            assert_eq!(store.blob_or_tar_size(&want.blob).unwrap(), Some(want.tar_size));
            assert!(store.verify_blob_or_tar(&want.blob).unwrap());
        }
    }

    #[test]
    fn forms_come_together_and_a_plain_one_is_the_one_that_is_read() {
        let (dir, store) = store();
        let packed = layer(&store, ZSTD);
        let both = layer(&store, Compression::Uncompressed);
        assert_eq!((both.is_plain(), both.packed.len()), (true, 1));
        let again = layer(&store, GZIP);
        assert_eq!((again.is_plain(), again.packed.len()), (true, 2));
        assert_eq!(again.media_type, MediaType::ImageLayer);
        let open = Store::open(dir.path(), Options::default()).unwrap();
        assert_eq!(open.packed(packed.diff_id, ZSTD).unwrap(), Some((packed.blob, packed.size)));
        assert_eq!(open.layer(packed.diff_id).unwrap().unwrap().record(), again.record());
        // A form that was lost is made again.
        std::fs::remove_file(store.disk.layout.blob(&packed.blob)).unwrap();
        assert_eq!(open.packed(packed.diff_id, ZSTD).unwrap(), None);
        assert_eq!(open.pack(&again, ZSTD, &|| false).unwrap(), (packed.blob, packed.size));
    }

    #[test]
    fn packing_that_is_canceled_leaves_nothing() {
        let (_dir, store) = store();
        let plain = layer(&store, Compression::Uncompressed);
        assert!(store.pack(&plain, GZIP, &|| true).is_err());
        assert_eq!(store.packed(plain.diff_id, GZIP).unwrap(), None);
    }
}
