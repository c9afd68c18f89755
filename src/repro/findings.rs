//! Two layers of the store: where they differ, and why.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use super::cause::{Bytes, Cause, Left, Sample, cause};
use super::compare::{Difference, Field, Side, What, Which, compare};
use super::content::{Beginnings, ContentDifference, KEPT, compare_content};
use super::error::Error;
use crate::oci::DiffId;
use crate::store::{Contents, Layer, Store};
use crate::tree::{Place, RootPath, Stack};

/// A path at which two layers differ, and what is known of it.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Where and in what.
    pub difference: Difference,
    /// Where the bytes differ, if they do.
    pub content: Option<ContentDifference>,
    /// Why, if that is known.
    pub cause: Option<Cause>,
}

/// Where two layers come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From one RUN, done twice: what only one has may be known by its name.
    OneRun,
    /// From anywhere.
    Unrelated,
}

/// Where the topmost layers of two chains (lowest first) differ, in the order of paths. Only files that differ are read.
pub fn compare_layers(
    store: &Store,
    first: &[DiffId],
    second: &[DiffId],
    origin: Origin,
) -> Result<Vec<Finding>, Error> {
    let (first, second) = (Tree::new(store, first)?, Tree::new(store, second)?);
    let differences = compare(&first.side(), &second.side());
    let read: Vec<&RootPath> =
        differences.iter().filter(|difference| is_read(difference)).map(|read| &read.path).collect();
    let (first, second) = (first.open(store, &read)?, second.open(store, &read)?);
    differences.into_iter().map(|difference| found(difference, &first, &second, origin)).collect()
}

fn is_read(difference: &Difference) -> bool {
    matches!(&difference.what, What::Changed { fields, .. } if fields.contains(&Field::Content))
}

fn found(difference: Difference, first: &Open, second: &Open, origin: Origin) -> Result<Finding, Error> {
    let path = &difference.path;
    if is_read(&difference) {
        let failed = |source| Error::Content { path: path.clone(), source };
        let (mut one, mut two) = (first.file(path)?, second.file(path)?);
        if let Some((content, beginnings)) = compare_content(&mut one, &mut two).map_err(failed)? {
            let Beginnings { first, second } = &beginnings;
            let bytes = Bytes {
                first,
                second,
                whole: content.sizes.0.max(content.sizes.1) <= KEPT as u64,
                offset: content.offset,
                around: (&content.around.0, &content.around.1),
            };
            let cause = cause(&Sample { path, left: Left::Both(bytes) });
            return Ok(Finding { cause, content: Some(content), difference });
        }
    }
    let left = match &difference.what {
        What::Only(Which::First, _) => Some(Left::OnlyFirst),
        What::Only(Which::Second, _) => Some(Left::OnlySecond),
        // What a file holds says nothing of its mode.
        What::Changed { .. } => None,
    };
    let left = left.filter(|_| origin == Origin::OneRun);
    let cause = left.and_then(|left| cause(&Sample { path, left }));
    Ok(Finding { cause, content: None, difference })
}

/// A chain of layers, and the tree that they are.
struct Tree {
    layers: Vec<Arc<Layer>>,
    stack: Stack,
}

impl Tree {
    fn new(store: &Store, chain: &[DiffId]) -> Result<Tree, Error> {
        let get = |diff_id: &DiffId| store.layer(*diff_id)?.ok_or(Error::Gone(*diff_id));
        let layers = chain.iter().map(get).collect::<Result<Vec<_>, _>>()?;
        let entries = layers.iter().map(|layer| Ok(layer.list()?.entries.clone()));
        let stack = Stack::new(entries.collect::<Result<_, Error>>()?);
        Ok(Tree { layers, stack })
    }

    fn side(&self) -> Side<'_> {
        Side { layer: self.stack.layers().last().expect("a chain has a layer"), tree: &self.stack }
    }

    /// Makes the files at `paths` readable, in whichever layer they are.
    fn open(&self, store: &Store, paths: &[&RootPath]) -> Result<Open, Error> {
        let mut places = BTreeMap::new();
        let mut wanted: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for path in paths {
            if let Some(place) = self.stack.get(path).and_then(|node| node.place) {
                places.insert(path.as_bytes().to_vec(), place);
                wanted.entry(place.layer).or_default().push(place.index);
            }
        }
        let contents = |(layer, mut wanted): (usize, Vec<usize>)| {
            wanted.sort_unstable();
            wanted.dedup();
            Ok((layer, store.contents(&self.layers[layer], &wanted)?))
        };
        let contents = wanted.into_iter().map(contents).collect::<Result<_, Error>>()?;
        Ok(Open { contents, places })
    }
}

/// Files of a tree, by path.
struct Open {
    contents: BTreeMap<usize, Contents>,
    places: BTreeMap<Vec<u8>, Place>,
}

impl Open {
    fn file(&self, path: &RootPath) -> Result<Box<dyn Read>, Error> {
        // Without a place it is no file, and has no bytes.
        Ok(match self.places.get(path.as_bytes()) {
            Some(place) => Box::new(self.contents[&place.layer].open(place.index)?),
            None => Box::new(std::io::empty()),
        })
    }
}
