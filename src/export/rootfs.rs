//! Root file systems in one tar.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use super::destination::{Destination, Sink};
use super::error::Error;
use super::finished::ImageSet;
use super::trees::{Split, Trees, trees};
use crate::layer::{self, Writer};
use crate::snapshot::Item;
use crate::store::{Contents, Layer, Store};

/// Writes the root file systems, each with the entries of all layers merged. As in BuildKit's, the root itself is not in.
pub(super) fn rootfs(
    store: &Store,
    set: &ImageSet,
    to: &Destination,
    split: Split,
    stdout: &mut dyn Write,
) -> Result<(), Error> {
    let Trees { items, layers } = trees(set, split)?;
    let contents = contents(store, &layers, &items)?;
    let mut sink = Sink::open(to, stdout)?;
    let written = write(&mut sink, &items, &contents);
    match written {
        Ok(()) => sink.finish(),
        Err(Failed::Sink(e)) => Err(sink.error(e)),
        Err(Failed::Other(e)) => Err(e),
    }
}

enum Failed {
    Sink(io::Error),
    Other(Error),
}

fn write(sink: &mut Sink<'_>, items: &[Item], contents: &BTreeMap<usize, Contents>) -> Result<(), Failed> {
    let other = |e| match e {
        layer::Error::Write(e) => Failed::Sink(e),
        layer::Error::Content { path, source } => {
            Failed::Other(Error::Entry { path, reason: source.to_string() })
        }
        e => Failed::Other(Error::Tar(e)),
    };
    let mut writer = Writer::new(BufWriter::with_capacity(1 << 18, sink));
    for item in items {
        match item.source {
            Some(place) => {
                let bytes = contents[&place.layer].open(place.index);
                let mut bytes = bytes.map_err(|e| Failed::Other(Error::Store(e)))?;
                writer.entry(&item.entry, Some(&mut bytes)).map_err(other)?;
            }
            None => writer.entry(&item.entry, None).map_err(other)?,
        }
    }
    let (out, _) = writer.finish().map_err(other)?;
    out.into_inner().map_err(|e| Failed::Sink(e.into_error()))?;
    Ok(())
}

fn contents(
    store: &Store,
    layers: &[Arc<Layer>],
    items: &[Item],
) -> Result<BTreeMap<usize, Contents>, Error> {
    let mut wanted: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for place in items.iter().filter_map(|item| item.source) {
        wanted.entry(place.layer).or_default().push(place.index);
    }
    wanted
        .into_iter()
        .map(|(layer, mut wanted)| {
            wanted.sort_unstable();
            Ok((layer, store.contents(&layers[layer], &wanted)?))
        })
        .collect()
}
