//! One file of a layer, read whole.

use std::io::Read;

use super::error::Error;
use crate::oci::DiffId;
use crate::store::Store;
use crate::tree::{Kind, Last, RootPath, Stack};

/// LIMIT: as for any other Dockerfile.
const LARGEST: u64 = 16 << 20;

/// The bytes of `path` in a layer; none if there is no such file. Links are followed inside the layer and nowhere else
/// (CVE-2026-44517: a context's Dockerfile was a link to a file of the host).
pub fn read_layer_file(store: &Store, layer: DiffId, path: &str) -> Result<Option<Vec<u8>>, Error> {
    let lost = || Error::from(crate::worker::Error::Lost(layer));
    let layer = store.layer(layer)?.ok_or_else(lost)?;
    let stack = Stack::new(vec![layer.list()?.entries.clone()]);
    let path = RootPath::clean(path).map_err(crate::worker::Error::from)?;
    let Ok(at) = stack.resolve(&path, Last::Follow) else { return Ok(None) };
    let Some(node) = stack.get(&at) else { return Ok(None) };
    let (Kind::File { size, .. }, Some(place)) = (&node.entry.kind, node.place) else { return Ok(None) };
    if *size > LARGEST {
        return Err(Error::Usage(format!("{path} is larger than {LARGEST} bytes")));
    }
    let contents = store.contents(&layer, &[place.index])?;
    let mut bytes = Vec::new();
    contents.open(place.index)?.read_to_end(&mut bytes).map_err(Error::io(format!("reading {path}")))?;
    Ok(Some(bytes))
}
