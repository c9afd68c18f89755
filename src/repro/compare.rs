//! Two layers, entry by entry.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use crate::tree::{Entries, Entry, Kind, RootPath};

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
    /// Only the first has it.
    OnlyFirst(Entry),
    /// Only the second has it.
    OnlySecond(Entry),
    /// Both have it, and it differs in these.
    Changed {
        /// The first's.
        first: Entry,
        /// The second's.
        second: Entry,
        /// In what, in the order of [`Field`].
        fields: BTreeSet<Field>,
    },
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

/// Every path at which two layers differ, in order.
pub fn compare(first: &Entries, second: &Entries) -> Vec<Difference> {
    let mut differences = Vec::new();
    let (mut at, mut other) = (0, 0);
    loop {
        let (one, two) = (first.get(at), second.get(other));
        let order = match (one, two) {
            (None, None) => return differences,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(two)) => one.path.cmp(&two.path),
        };
        let what = match (one, two) {
            (Some(one), _) if order.is_lt() => Some(What::OnlyFirst(one.clone())),
            (_, Some(two)) if order.is_gt() => Some(What::OnlySecond(two.clone())),
            (Some(one), Some(two)) => {
                let fields = fields(one, two);
                let changed =
                    || What::Changed { first: one.clone(), second: two.clone(), fields: fields.clone() };
                (!fields.is_empty()).then(changed)
            }
            _ => None,
        };
        if let (Some(what), Some(entry)) = (what, if order.is_gt() { two } else { one }) {
            differences.push(Difference { path: entry.path.clone(), what });
        }
        at += usize::from(order.is_le());
        other += usize::from(order.is_ge());
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

    fn told(first: Vec<Entry>, second: Vec<Entry>) -> Vec<(String, String)> {
        let told = |difference: Difference| {
            let what = match difference.what {
                What::OnlyFirst(_) => "first".to_string(),
                What::OnlySecond(_) => "second".to_string(),
                What::Changed { fields, .. } => format!("{fields:?}"),
            };
            (difference.path.to_string(), what)
        };
        compare(&first.into(), &second.into()).into_iter().map(told).collect()
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
            let found = told(vec![old.clone()], vec![new]);
            assert_eq!(found, [("/a".to_string(), fields.to_string())]);
        }
        let link = |to: &[u8]| Entry { kind: Kind::Symlink(to.to_vec()), ..old.clone() };
        assert_eq!(told(vec![link(b"x")], vec![link(b"y")])[0].1, "{Target}");
        let device = |minor| Entry { kind: Kind::CharDevice { major: 1, minor }, ..old.clone() };
        assert_eq!(told(vec![device(1)], vec![device(2)])[0].1, "{Device}");
    }

    #[test]
    fn what_only_one_has_is_told_and_what_both_have_is_not() {
        let first = vec![directory("/b"), file("/b/one", ""), file("/c", "")];
        let second = vec![file("/a", ""), directory("/b"), file("/b/two", ""), file("/c", "")];
        let found = told(first, second);
        let found: Vec<(&str, &str)> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(found, [("/a", "second"), ("/b/one", "first"), ("/b/two", "second")]);
    }
}
