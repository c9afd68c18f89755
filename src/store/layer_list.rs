//! A layer's entry list, read when somebody asks for it: keeping, naming and pushing an image never do.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::disk::Disk;
use super::error::Error;
use super::frame::Kind;
use super::healed::ObjectKind;
use crate::layer::{self, LayerList, ListDecoder};
use crate::oci::DiffId;
use crate::tree::Entry;

/// Where a layer's list is, or the list.
#[derive(Clone)]
pub(super) struct Listed {
    disk: Arc<Disk>,
    list: OnceLock<LayerList>,
}

impl Listed {
    /// A list in the store that nobody has read yet.
    pub(super) fn stored(disk: &Arc<Disk>) -> Listed {
        Listed { disk: Arc::clone(disk), list: OnceLock::new() }
    }

    /// A list that is known.
    pub(super) fn known(disk: &Arc<Disk>, list: LayerList) -> Listed {
        Listed { disk: Arc::clone(disk), list: OnceLock::from(list) }
    }

    /// The list. A damaged one is dropped with its layer, so that both are made again.
    pub(super) fn get(&self, diff_id: DiffId) -> Result<&LayerList, Error> {
        if let Some(list) = self.list.get() {
            return Ok(list);
        }
        let list = self.read(diff_id, LayerList::of_whole)?;
        Ok(self.list.get_or_init(|| list))
    }

    /// Hands each entry to `f`, with where its bytes are, and keeps none of them.
    pub(super) fn each(&self, diff_id: DiffId, f: &mut dyn FnMut(&Entry, u64)) -> Result<(), Error> {
        match self.list.get() {
            Some(list) => {
                list.entries.iter().zip(list.offsets.iter()).for_each(|(entry, offset)| f(entry, *offset));
                Ok(())
            }
            None => self.read(diff_id, |bytes| {
                for read in ListDecoder::new(&bytes)? {
                    let (entry, offset) = read?;
                    f(&entry, offset);
                }
                Ok(())
            }),
        }
    }

    fn read<T>(
        &self,
        diff_id: DiffId,
        decode: impl FnOnce(Vec<u8>) -> Result<T, layer::Error>,
    ) -> Result<T, Error> {
        let (disk, name) = (&self.disk, diff_id.to_string());
        let path = disk.layout.list(&diff_id);
        let bytes = disk.read_framed_of(Kind::List, name.as_bytes(), &path)?;
        let reason = match bytes.map(decode) {
            Some(Ok(read)) => return Ok(read),
            // The frame was whole, so another version of this program wrote what cannot be read.
            Some(Err(_)) => "its entry list cannot be read",
            None => "its entry list is damaged or missing",
        };
        let record = disk.layout.layer(&diff_id);
        let was_there = {
            let _removing = disk.removing()?;
            disk.remove(&path)?;
            disk.remove(&record)?
        };
        // What is lost with something that was told is not told again.
        if was_there && !disk.was_noted(&path) {
            disk.note(ObjectKind::Layer, &record, reason);
        }
        Err(Error::Damaged { what: format!("layer {diff_id}"), reason: reason.to_string() })
    }
}

impl fmt::Debug for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.list.fmt(f)
    }
}
