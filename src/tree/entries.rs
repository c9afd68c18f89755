//! A layer's entries: held, or read a run at a time when somebody asks for them.

use std::fmt;
use std::ops::{Index, Range};
use std::sync::{Arc, OnceLock};

use super::entry::{Entry, Kind};
use super::path::RootPath;

/// How many entries a run has; the last one may have fewer.
pub const RUN: usize = 64;

/// The entries of a layer, sorted by path. Cheap to clone.
///
/// A step asks a large layer for a few paths, so that reading all of them would cost what the image holds and not what
/// the step does: of a list that comes from a store only those runs are made that somebody looks into.
#[derive(Clone)]
pub struct Entries(Arc<Inner>);

struct Inner {
    form: Form,
    /// The positions of the opaque directories: few, and every lookup must know them.
    opaque: Vec<usize>,
}

enum Form {
    Held(Vec<Entry>),
    InRuns(Runs),
}

struct Runs {
    length: usize,
    /// The first path of each run.
    firsts: Vec<RootPath>,
    made: Vec<OnceLock<Vec<Entry>>>,
    make: MakeRun,
}

/// Makes the run of that number, whose first path is given. What cannot be made was found out before there were
/// [`Entries`].
pub type MakeRun = Box<dyn Fn(usize, &RootPath) -> Vec<Entry> + Send + Sync>;

impl Entries {
    /// Entries that `make` makes: so many, of which `firsts` are the first paths of each run, and those at `opaque` are
    /// opaque directories.
    pub fn in_runs(length: usize, firsts: Vec<RootPath>, opaque: Vec<usize>, make: MakeRun) -> Entries {
        debug_assert_eq!(firsts.len(), length.div_ceil(RUN));
        let made = firsts.iter().map(|_| OnceLock::new()).collect();
        Entries(Arc::new(Inner { form: Form::InRuns(Runs { length, firsts, made, make }), opaque }))
    }

    /// How many.
    pub fn len(&self) -> usize {
        match &self.0.form {
            Form::Held(entries) => entries.len(),
            Form::InRuns(runs) => runs.length,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entry at a position, if there are so many.
    pub fn get(&self, index: usize) -> Option<&Entry> {
        match &self.0.form {
            Form::Held(entries) => entries.get(index),
            Form::InRuns(runs) => (index < runs.length).then(|| &runs.run(index / RUN)[index % RUN]),
        }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Entry> {
        (0..self.len()).map(|index| &self[index])
    }

    /// Where `path` is, or where it would be.
    pub fn search(&self, path: &RootPath) -> Result<usize, usize> {
        let at = self.partition_point(0..self.len(), |other| other < path);
        match self.get(at) {
            Some(entry) if entry.path == *path => Ok(at),
            _ => Err(at),
        }
    }

    /// The first position in `range` whose path is none of those `before`, which are the first ones in it.
    pub(super) fn partition_point(&self, range: Range<usize>, before: impl Fn(&RootPath) -> bool) -> usize {
        let within = |entries: &[Entry], start: usize| {
            let from = range.start.max(start) - start;
            let to = range.end.min(start + entries.len()) - start;
            start + from + entries[from..to].partition_point(|entry| before(&entry.path))
        };
        match &self.0.form {
            Form::Held(entries) => within(entries, 0),
            Form::InRuns(_) if range.is_empty() => range.start,
            Form::InRuns(runs) => {
                // The run it is in begins with one of those before, or is the first that the range touches.
                let (first, last) = (range.start / RUN, (range.end - 1) / RUN);
                let run = first + runs.firsts[first + 1..=last].partition_point(&before);
                within(runs.run(run), run * RUN)
            }
        }
    }

    /// The positions of the opaque directories.
    pub(super) fn opaque(&self) -> &[usize] {
        &self.0.opaque
    }
}

impl Runs {
    fn run(&self, number: usize) -> &[Entry] {
        self.made[number].get_or_init(|| (self.make)(number, &self.firsts[number]))
    }
}

impl Index<usize> for Entries {
    type Output = Entry;

    fn index(&self, index: usize) -> &Entry {
        self.get(index).expect("a position in the list")
    }
}

impl From<Vec<Entry>> for Entries {
    fn from(entries: Vec<Entry>) -> Entries {
        let opaque = entries.iter().enumerate().filter(|(_, entry)| entry.kind == Kind::OpaqueDirectory);
        let opaque = opaque.map(|(at, _)| at).collect();
        Entries(Arc::new(Inner { form: Form::Held(entries), opaque }))
    }
}

impl FromIterator<Entry> for Entries {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Entries {
        entries.into_iter().collect::<Vec<_>>().into()
    }
}

impl Default for Entries {
    fn default() -> Entries {
        Vec::new().into()
    }
}

impl PartialEq for Entries {
    fn eq(&self, other: &Entries) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.iter().eq(other.iter())
    }
}

impl Eq for Entries {}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
