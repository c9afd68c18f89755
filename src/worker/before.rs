//! The layer that the same COPY made when it was last written whole: most of its bytes are in the next one too.

use std::os::unix::ffi::OsStrExt as _;

use super::context::ContextFiles;
use super::copy::Placed;
use super::error::Error;
use super::perform::{Doing, Worker};
use crate::graph::{Copy, PreImage};
use crate::layer::Compression;
use crate::oci::{DiffId, Digest};
use crate::store::LayerWriter;

impl Worker<'_> {
    /// A writer for the layer of `copy`: of what a former layer of it does not have, if that is little.
    pub(super) fn copy_writer(
        &self,
        copy: &Copy,
        placed: &[Placed],
        doing: Doing,
    ) -> Result<LayerWriter, Error> {
        if doing.form == Compression::Uncompressed
            && let Some(before) = self.store.record(&self.before_key(copy))?
            && let Ok(before) = <[u8; 32]>::try_from(before)
        {
            let before = DiffId(Digest::from_bytes(before));
            if let Some(repeats) = self.store.repeats(before, placed.iter().map(|placed| &placed.entry))? {
                return Ok(self.store.layer_writer_on(repeats)?);
            }
        }
        Ok(self.store.layer_writer_as(doing.form)?)
    }

    /// Remembers a layer that was written whole.
    pub(super) fn put_before(&self, copy: &Copy, layer: DiffId) -> Result<(), Error> {
        Ok(self.store.put_record(&self.before_key(copy), layer.0.as_bytes(), &[layer])?)
    }

    /// What a COPY is, whatever it copied: no part of any step's key. The same text over the same contexts is likely the same.
    fn before_key(&self, copy: &Copy) -> Digest {
        let mut memo = PreImage::default();
        memo.push("layer before", 1);
        memo.push("copy", format!("{copy:?}"));
        for context in self.contexts {
            let path = match &context.files {
                ContextFiles::Directory(local) => local.path().as_os_str().as_bytes(),
                ContextFiles::Archive(_) | ContextFiles::Layer(_) | ContextFiles::Empty => b"",
            };
            memo.push("context", Digest::of(path));
        }
        memo.key()
    }
}
