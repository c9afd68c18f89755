//! Which directories a chain of layers is made of.

use super::error::Error;
use super::fetch::{ChainLayer, chain_ids, stack};
use super::joined::{JOINED, is_simple, joined_items, joined_name};
use super::merged::whole;
use super::recipe::{Item, layer_items};
use crate::oci::{ChainId, DiffId, Digest};
use crate::tree::{Kind, RootPath};

/// One directory: one lower directory of an overlay.
pub(super) struct Part {
    /// The chain's own, if the directory holds the topmost layer alone.
    pub name: ChainId,
    pub chain: ChainId,
    pub layer: DiffId,
    /// Of the chain: the lowest `length` layers.
    pub length: usize,
    pub form: Form,
}

/// What of its chain is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The topmost layer alone.
    Layer,
    /// The topmost few, which are small, in one.
    Joined,
    /// All of them in one.
    Merged,
}

impl Part {
    /// What the directory holds; `chain` is the one that [`parts`] was asked about.
    pub fn items(&self, chain: &[ChainLayer]) -> Result<Vec<Item>, Error> {
        let chain = &chain[..self.length];
        match self.form {
            Form::Layer => layer_items(&stack(chain), self.length - 1),
            // It was asked whether there are any before this was a part, of the same lists.
            Form::Joined => joined_items(chain)?.ok_or_else(|| Error::List {
                path: RootPath::root(),
                reason: "is joined of layers that hide one another",
            }),
            Form::Merged => Ok(whole(&stack(chain))),
        }
    }
}

/// The directories that a chain needs, lowest first; at most `limit` or so. What is known to be there already need not be asked
/// whether it can be joined.
pub(super) fn parts(
    chain: &[ChainLayer],
    limit: usize,
    is_known: &dyn Fn(&ChainId) -> bool,
) -> Result<Vec<Part>, Error> {
    let ids = chain_ids(chain.iter().map(|layer| layer.diff_id));
    // The kernel does not look at the mark on the root of a lower layer: what an opaque root hides is left out.
    let start = chain.iter().rposition(is_opaque).unwrap_or(0);
    let part = |number: usize, name, form| {
        let (chain, layer) = (ids[number], chain[number].diff_id);
        Part { name, chain, layer, length: number + 1, form }
    };
    let count = chain.len() - start;
    let mut parts = Vec::new();
    let mut alone = start;
    if count > limit {
        // In steps, so that the next layers of the same stage find the same merged snapshot.
        let step = (limit * 3 / 4).max(1);
        alone = start + (count - 1) / step * step;
        parts.push(part(alone - 1, merged_name(ids[alone - 1]), Form::Merged));
    }
    // From the lowest on, so that a chain that grows keeps the directories that it has.
    let mut simple = 0;
    for number in alone..chain.len() {
        parts.push(part(number, ids[number], Form::Layer));
        simple = if count < JOINED || !is_simple(&chain[number]) { 0 } else { simple + 1 };
        if simple == JOINED {
            simple = 0;
            let name = joined_name(ids[number]);
            if is_known(&name) || joined_items(&chain[..=number])?.is_some() {
                parts.truncate(parts.len() - JOINED);
                parts.push(part(number, name, Form::Joined));
            }
        }
    }
    Ok(parts)
}

fn is_opaque(layer: &ChainLayer) -> bool {
    let mut root = layer.list.entries.iter().take_while(|entry| entry.path.is_root());
    root.any(|entry| entry.kind == Kind::OpaqueDirectory)
}

/// All names that a directory with this chain's topmost layer may have.
pub(super) fn names(chain: ChainId) -> [ChainId; 3] {
    [chain, joined_name(chain), merged_name(chain)]
}

/// All layers of a chain in one directory have a name of the same form, so that whoever counts or removes snapshots need
/// not know them apart.
fn merged_name(chain: ChainId) -> ChainId {
    ChainId(Digest::of(format!("merged {chain}").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::LayerList;
    use crate::oci::LAYER_EPOCH;
    use crate::tree::{Entry, Time};

    /// A layer that holds one directory, or what another kind makes of it.
    fn layer(number: usize, path: &str, kind: Kind) -> ChainLayer {
        let path = RootPath::clean(path).unwrap();
        let entry = Entry { kind, ..Entry::directory(path, Time::from_seconds(LAYER_EPOCH.0)) };
        let diff_id = DiffId(Digest::of(format!("{number}").as_bytes()));
        ChainLayer {
            diff_id,
            list: LayerList { entries: [entry].into_iter().collect(), offsets: [0].into() },
        }
    }

    fn simple(count: usize) -> Vec<ChainLayer> {
        (0..count).map(|number| layer(number, &format!("/d{number}"), Kind::Directory)).collect()
    }

    fn shown(chain: &[ChainLayer], limit: usize) -> Vec<(Form, usize)> {
        let parts = parts(chain, limit, &|_| false).unwrap();
        parts.iter().map(|part| (part.form, part.length)).collect()
    }

    fn layers(lengths: std::ops::RangeInclusive<usize>) -> impl Iterator<Item = (Form, usize)> {
        lengths.map(|length| (Form::Layer, length))
    }

    #[test]
    fn a_chain_that_grows_keeps_its_directories() {
        assert_eq!(shown(&simple(JOINED - 1), 400), layers(1..=15).collect::<Vec<_>>());
        let names = |count: usize| -> Vec<ChainId> {
            parts(&simple(count), 400, &|_| false).unwrap().iter().map(|part| part.name).collect()
        };
        for more in 0..JOINED {
            let grown = names(2 * JOINED + more);
            assert_eq!((grown.len(), &grown[..2]), (2 + more, &names(2 * JOINED)[..]));
        }
    }

    #[test]
    fn a_layer_that_removes_is_alone_and_counting_begins_anew() {
        let mut chain = simple(40);
        chain[10] = layer(10, "/d3", Kind::Whiteout);
        let expected = layers(1..=11).chain([(Form::Joined, 27)]).chain(layers(28..=40));
        assert_eq!(shown(&chain, 400), expected.collect::<Vec<_>>());
    }

    #[test]
    fn what_an_opaque_root_hides_is_left_out() {
        let mut chain = simple(8);
        chain[5] = layer(5, "/", Kind::OpaqueDirectory);
        assert_eq!(shown(&chain, 400), layers(6..=8).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_too_long_has_its_lowest_layers_in_one() {
        let files: Vec<ChainLayer> = (0..20).map(|n| layer(n, &format!("/w{n}"), Kind::Whiteout)).collect();
        for count in 9..=20 {
            let shown = shown(&files[..count], 8);
            // In steps of six, so that the next layers find the same one.
            let merged = (count - 1) / 6 * 6;
            assert_eq!(shown[0], (Form::Merged, merged));
            assert_eq!(shown[1..], layers(merged + 1..=count).collect::<Vec<_>>());
            assert!(shown.len() <= 8);
        }
        assert_eq!(shown(&files[..8], 8).len(), 8);
    }
}
