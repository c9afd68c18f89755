//! Two layers, path by path, as they show in the trees that they belong to.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use crate::tree::{Entries, Entry, Kind, RootPath, Stack};

/// A path at which two layers are not alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where.
    pub path: RootPath,
    /// How.
    pub what: What,
}

/// How two layers differ at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// It is there with only one of them.
    Only(Which, Alone),
    /// It is there with both, and differs in these.
    Changed {
        /// The first's.
        first: Entry,
        /// The second's.
        second: Entry,
        /// In what, in the order of [`Field`].
        fields: BTreeSet<Field>,
    },
}

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The first.
    First,
    /// The second.
    Second,
}

/// What is there with one of them alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alone {
    /// What it is.
    pub entry: Entry,
    /// How many paths its layer has below it, if it is a directory: they are not told one by one.
    pub below: usize,
}

/// What there is to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// File, directory, link and so on; then nothing else is compared.
    Kind,
    /// The bytes of a file.
    Content,
    /// Where a link leads, symbolic or hard.
    Target,
    /// The numbers of a device.
    Device,
    /// Permissions.
    Mode,
    /// User and group.
    Owner,
    /// When it was last changed.
    Time,
    /// Extended attributes.
    Attributes,
}

/// A layer, and the tree that it is the top of. What only one of two layers names may lie below the other.
pub struct Side<'a> {
    /// The layer's entries.
    pub layer: &'a Entries,
    /// With what lies below.
    pub tree: &'a Stack,
}

/// Every path at which two layers make a difference, in order.
pub fn compare(first: &Side<'_>, second: &Side<'_>) -> Vec<Difference> {
    let mut found = Vec::new();
    let (mut at, mut other) = (0, 0);
    // The last directory that only one of them has: what lies below belongs to it.
    let mut alone: Option<(RootPath, Which, usize)> = None;
    loop {
        let (one, two) = (first.layer.get(at), second.layer.get(other));
        let order = match (one, two) {
            (None, None) => return found,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(two)) => one.path.cmp(&two.path),
        };
        let one = one.filter(|_| order.is_le());
        let two = two.filter(|_| order.is_ge());
        at += usize::from(order.is_le());
        other += usize::from(order.is_ge());
        let Some(path) = one.or(two).map(|entry| entry.path.clone()) else { return found };
        alone = alone.filter(|(above, ..)| path.is_below(above));
        let Some(what) = at_path(&path, (one, first), (two, second)) else { continue };
        if let (What::Only(which, _), Some((_, above, index))) = (&what, &alone)
            && which == above
            && let Difference { what: What::Only(_, Alone { below, .. }), .. } = &mut found[*index]
        {
            *below += 1;
            continue;
        }
        if let What::Only(which, Alone { entry, .. }) = &what
            && entry.is_directory()
        {
            alone = Some((path.clone(), *which, found.len()));
        }
        found.push(Difference { path, what });
    }
}

fn at_path(
    path: &RootPath,
    (one, first): (Option<&Entry>, &Side<'_>),
    (two, second): (Option<&Entry>, &Side<'_>),
) -> Option<What> {
    let changed = |first: Entry, second: Entry| {
        let fields = fields(&first, &second);
        (!fields.is_empty()).then_some(What::Changed { first, second, fields })
    };
    let is_there = |entry: &&Entry| entry.kind != Kind::Whiteout;
    if let (Some(one), Some(two)) = (one.filter(is_there), two.filter(is_there)) {
        // As the layers have it, where a hard link is one.
        return changed(one.clone(), two.clone());
    }
    let shown = |side: &Side<'_>| side.tree.get(path).map(|node| node.entry);
    let only = |which, entry| Some(What::Only(which, Alone { entry, below: 0 }));
    match (shown(first), shown(second)) {
        (None, None) => None,
        (Some(entry), None) => only(Which::First, entry),
        (None, Some(entry)) => only(Which::Second, entry),
        (Some(first), Some(second)) => changed(first, second),
    }
}

fn fields(first: &Entry, second: &Entry) -> BTreeSet<Field> {
    // Taken apart by name: a new field of an entry does not compile until somebody has thought of it here.
    let Entry { path: _, kind, mode, uid, gid, mtime, xattrs } = first;
    let of_kind = match (kind, &second.kind) {
        (one, two) if one == two => None,
        (Kind::File { .. }, Kind::File { .. }) => Some(Field::Content),
        (Kind::Symlink(_), Kind::Symlink(_)) | (Kind::Hardlink(_), Kind::Hardlink(_)) => Some(Field::Target),
        (Kind::CharDevice { .. }, Kind::CharDevice { .. })
        | (Kind::BlockDevice { .. }, Kind::BlockDevice { .. }) => Some(Field::Device),
        _ => return [Field::Kind].into(),
    };
    let differs = [
        (Field::Mode, *mode != second.mode),
        (Field::Owner, (*uid, *gid) != (second.uid, second.gid)),
        (Field::Time, *mtime != second.mtime),
        (Field::Attributes, *xattrs != second.xattrs),
    ];
    let others = differs.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field);
    of_kind.into_iter().chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Digest;
    use crate::tree::Time;

    fn file(path: &str, content: &str) -> Entry {
        let kind = Kind::File { size: content.len() as u64, digest: Digest::of(content.as_bytes()) };
        Entry { kind, mode: 0o644, ..directory(path) }
    }

    fn directory(path: &str) -> Entry {
        Entry::directory(RootPath::clean(path).expect("a path"), Time::default())
    }

    fn removed(path: &str) -> Entry {
        Entry::whiteout(RootPath::clean(path).expect("a path"), Time::default())
    }

    fn told(below: Vec<Entry>, first: Vec<Entry>, second: Vec<Entry>) -> Vec<(String, String)> {
        let below = Stack::new(vec![below.into()]);
        let (first, second): (Entries, Entries) = (first.into(), second.into());
        let (one, two) = (below.push(first.clone()), below.push(second.clone()));
        let found = compare(&Side { layer: &first, tree: &one }, &Side { layer: &second, tree: &two });
        let told = |difference: Difference| {
            let what = match difference.what {
                What::Only(which, Alone { below: 0, .. }) => format!("{which:?}"),
                What::Only(which, Alone { below, .. }) => format!("{which:?} and {below} below"),
                What::Changed { fields, .. } => format!("{fields:?}"),
            };
            (difference.path.to_string(), what)
        };
        found.into_iter().map(told).collect()
    }

    fn pairs(found: &[(String, String)]) -> Vec<(&str, &str)> {
        found.iter().map(|(path, what)| (path.as_str(), what.as_str())).collect()
    }

    #[test]
    fn every_field_of_an_entry_counts() {
        let old = file("/a", "x");
        let cases: [(Entry, &str); 7] = [
            (file("/a", "y"), "{Content}"),
            (Entry { mode: 0o600, ..old.clone() }, "{Mode}"),
            (Entry { uid: 1, ..old.clone() }, "{Owner}"),
            (Entry { gid: 1, ..old.clone() }, "{Owner}"),
            (Entry { mtime: Time::from_seconds(1), ..old.clone() }, "{Time}"),
            (Entry { xattrs: [(b"user.a".to_vec(), b"".to_vec())].into(), ..old.clone() }, "{Attributes}"),
            (Entry { mode: 0o600, ..directory("/a") }, "{Kind}"),
        ];
        for (new, fields) in cases {
            assert_eq!(pairs(&told(vec![], vec![old.clone()], vec![new])), [("/a", fields)]);
        }
        let link = |to: &[u8]| Entry { kind: Kind::Symlink(to.to_vec()), ..old.clone() };
        assert_eq!(pairs(&told(vec![], vec![link(b"x")], vec![link(b"y")])), [("/a", "{Target}")]);
        let device = |minor| Entry { kind: Kind::CharDevice { major: 1, minor }, ..old.clone() };
        assert_eq!(pairs(&told(vec![], vec![device(1)], vec![device(2)])), [("/a", "{Device}")]);
    }

    #[test]
    fn what_one_layer_does_not_name_is_what_lies_below_it() {
        let below = vec![directory("/b"), file("/b/kept", "x"), file("/b/mode", "x")];
        let mode = Entry { mode: 0o4755, ..file("/b/mode", "x") };
        let first = vec![directory("/b"), mode, file("/b/new", "")];
        let second = vec![file("/c", "")];
        // Neither the directory, which is the same in both, nor the file that has another mode is new.
        let found = told(below.clone(), first, second);
        assert_eq!(pairs(&found), [("/b/mode", "{Mode}"), ("/b/new", "First"), ("/c", "Second")]);
        let gone = told(below.clone(), vec![directory("/b"), removed("/b/kept")], vec![]);
        assert_eq!(pairs(&gone), [("/b/kept", "Second")]);
        let both = vec![directory("/b"), removed("/b/kept")];
        let times = vec![directory("/b"), Entry { mtime: Time::from_seconds(5), ..removed("/b/kept") }];
        assert_eq!(pairs(&told(below, both, times)), []);
    }

    #[test]
    fn what_lies_below_a_directory_that_only_one_has_is_counted() {
        let first = vec![directory("/a"), directory("/a/b"), file("/a/b/c", ""), file("/d", "")];
        let second = vec![directory("/e"), file("/e/f", "")];
        let found = told(vec![], first, second);
        assert_eq!(
            pairs(&found),
            [("/a", "First and 2 below"), ("/d", "First"), ("/e", "Second and 1 below")]
        );
    }
}
