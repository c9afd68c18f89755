//! Two layers of the store: where they differ, and why.

use std::collections::BTreeMap;
use std::io::Read;

use super::cause::{Bytes, Cause, Left, Sample, cause};
use super::compare::{Difference, Field, What, compare};
use super::content::{Beginnings, ContentDifference, KEPT, compare_content};
use super::error::Error;
use crate::oci::DiffId;
use crate::store::{Contents, Layer, Store};

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

/// Where two layers differ, in the order of paths. Only files that differ are read.
pub fn compare_layers(store: &Store, first: DiffId, second: DiffId) -> Result<Vec<Finding>, Error> {
    let get = |diff_id| store.layer(diff_id)?.ok_or(Error::Gone(diff_id));
    let (first, second) = (get(first)?, get(second)?);
    let (one, two) = (&first.list()?.entries, &second.list()?.entries);
    let differences = compare(one, two);
    let read = |difference: &&Difference| is_read(difference);
    let paths: Vec<_> = differences.iter().filter(read).map(|difference| &difference.path).collect();
    let first = Open::new(store, &first, &paths)?;
    let second = Open::new(store, &second, &paths)?;
    differences.into_iter().map(|difference| found(difference, &first, &second)).collect()
}

fn is_read(difference: &Difference) -> bool {
    matches!(&difference.what, What::Changed { fields, .. } if fields.contains(&Field::Content))
}

fn found(difference: Difference, first: &Open, second: &Open) -> Result<Finding, Error> {
    let path = &difference.path;
    let compared = match is_read(&difference) {
        true => {
            let failed = |source| Error::Content { path: path.clone(), source };
            let (mut first, mut second) = (first.file(path)?, second.file(path)?);
            compare_content(&mut first, &mut second).map_err(failed)?
        }
        false => None,
    };
    let left = match (&compared, &difference.what) {
        (Some((content, Beginnings { first, second })), _) => Some(Left::Both(Bytes {
            first,
            second,
            whole: content.sizes.0.max(content.sizes.1) <= KEPT as u64,
            offset: content.offset,
            around: (&content.around.0, &content.around.1),
        })),
        // What is there without the other is known by its name.
        (None, What::OnlyFirst(_)) => Some(Left::OnlyFirst),
        (None, What::OnlySecond(_)) => Some(Left::OnlySecond),
        (None, What::Changed { .. }) => None,
    };
    let cause = left.and_then(|left| cause(&Sample { path, left }));
    let content = compared.map(|(content, _)| content);
    Ok(Finding { difference, content, cause })
}

/// Files of a layer, by path.
struct Open {
    contents: Contents,
    places: BTreeMap<Vec<u8>, usize>,
}

impl Open {
    fn new(store: &Store, layer: &Layer, paths: &[&crate::tree::RootPath]) -> Result<Open, Error> {
        let entries = &layer.list()?.entries;
        let place =
            |path: &&crate::tree::RootPath| Some((path.as_bytes().to_vec(), entries.search(path).ok()?));
        let places: BTreeMap<Vec<u8>, usize> = paths.iter().filter_map(place).collect();
        let wanted: Vec<usize> = places.values().copied().collect();
        Ok(Open { contents: store.contents(layer, &wanted)?, places })
    }

    fn file(&self, path: &crate::tree::RootPath) -> Result<impl Read + use<>, Error> {
        let place = self.places[path.as_bytes()];
        Ok(self.contents.open(place)?)
    }
}
