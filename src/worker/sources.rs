//! The trees that a copy reads, as if they were one: places count on through all of them.

use super::chain::States;
use super::copy::{Part, Selection, select_parts};
use super::error::Error;
use super::perform::Worker;
use super::trees::{Tree, TreeContents};
use crate::graph::{Copy, CopySource, Input};
use crate::store::Store;
use crate::tree::{Entry, Place};
use std::io::Read;

/// The tree of paths first, then one for each source that was fetched.
pub(super) struct Sources<'a> {
    parts: Vec<(Input, Tree<'a>)>,
}

/// Chosen files of all trees, ready to be read.
pub(super) struct SourceContents<'a> {
    parts: Vec<(usize, TreeContents<'a>)>,
}

impl Worker<'_> {
    /// Opens all that `copy` reads.
    pub(super) fn sources(&self, copy: &Copy, states: &States) -> Result<Sources<'_>, Error> {
        let mut parts = vec![(copy.from, self.tree(copy.from, states)?)];
        for source in &copy.sources {
            if let CopySource::Remote { input, .. } = source
                && parts.iter().all(|(other, _)| other != input)
            {
                parts.push((*input, self.tree(*input, states)?));
            }
        }
        Ok(Sources { parts })
    }
}

impl Sources<'_> {
    /// What `copy` selects of them, in the order of its sources.
    pub fn select(&self, copy: &Copy) -> Result<Selection, Error> {
        let part = |input: Input| {
            let index = self.parts.iter().position(|(other, _)| *other == input)?;
            Some(Part { stack: &self.parts[index].1.stack, first_layer: self.first_layer(index) })
        };
        Ok(select_parts(copy, &|source| match source {
            CopySource::Remote { input, .. } => part(*input),
            CopySource::Path(_) | CopySource::Inline { .. } => part(copy.from),
        })?)
    }

    /// The entry at a place.
    pub fn entry(&self, place: Place) -> &Entry {
        let (index, place) = self.own(place);
        &self.parts[index].1.stack.layers()[place.layer][place.index]
    }

    /// Makes the bytes at `places` readable, in any order.
    pub fn contents(&self, store: &Store, places: &[Place]) -> Result<SourceContents<'_>, Error> {
        let mut wanted: Vec<Vec<Place>> = vec![Vec::new(); self.parts.len()];
        for place in places {
            let (index, place) = self.own(*place);
            wanted[index].push(place);
        }
        let open = |(index, places): (usize, Vec<Place>)| {
            Ok((self.first_layer(index), self.parts[index].1.contents(store, &places)?))
        };
        let parts = wanted.into_iter().enumerate().map(open).collect::<Result<_, Error>>()?;
        Ok(SourceContents { parts })
    }

    fn first_layer(&self, index: usize) -> usize {
        self.parts[..index].iter().map(|(_, tree)| tree.stack.layers().len()).sum()
    }

    /// The tree that a place is in, and the place in it.
    fn own(&self, place: Place) -> (usize, Place) {
        let holds = |index: &usize| self.first_layer(*index) <= place.layer;
        let index = (0..self.parts.len()).rfind(holds).expect("the first tree begins at 0");
        (index, Place { layer: place.layer - self.first_layer(index), ..place })
    }
}

impl SourceContents<'_> {
    /// Appends the bytes at `place` to `out` where they need not be hashed to be those of the entry; else false.
    pub fn read_settled(&self, place: Place, out: &mut Vec<u8>) -> bool {
        let (contents, place) = self.at(place);
        contents.read_settled(place, out)
    }

    /// The bytes at `place`, which must be among the chosen ones.
    pub fn open(&self, place: Place) -> Result<Box<dyn Read + Send>, Error> {
        let (contents, place) = self.at(place);
        contents.open(place)
    }

    fn at(&self, place: Place) -> (&TreeContents<'_>, Place) {
        let (first, contents) =
            self.parts.iter().rfind(|(first, _)| *first <= place.layer).expect("the first tree begins at 0");
        (contents, Place { layer: place.layer - first, ..place })
    }
}
