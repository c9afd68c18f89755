//! Since when a cache mount has seen its steps' files: the times that make and cargo compare.
//!
//! Build tools leave alone what is older than what they made of it. So a file must get a new time whenever its content is
//! not the one that this mount's last user had at that path: also when an *earlier* content comes back, and when a
//! file comes back after a run of the same step without it. A time by content alone would give an old binary then.

use std::collections::{BTreeMap, BTreeSet};

use crate::oci::Digest;
use crate::tree::{RootPath, Time};

/// What a cache mount last saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    files: BTreeMap<Vec<u8>, (Digest, Time)>,
    /// By step, most recent last: the paths that its last run had.
    steps: Vec<(Digest, BTreeSet<u64>)>,
}

/// LIMIT: ours; a step that comes back after that many others counts as one that never ran.
const STEPS: usize = 16;

/// LIMIT: ours; beyond it, what no remembered step has is forgotten.
const FILES: usize = 200_000;

fn short(path: &RootPath) -> u64 {
    let digest = Digest::of(path.as_bytes());
    u64::from_le_bytes(*digest.as_bytes().first_chunk().expect("a digest has 32 bytes"))
}

impl Seen {
    /// The time of each of `files`, which are all that `step` sees: `now` for what is new or other than it was.
    pub fn look(&mut self, step: &Digest, files: &[(RootPath, Digest)], now: Time) -> Vec<Time> {
        let before = self.steps.iter().position(|(s, _)| s == step).map(|at| self.steps.remove(at).1);
        let paths: BTreeSet<u64> = files.iter().map(|(path, _)| short(path)).collect();
        let mut times = Vec::with_capacity(files.len());
        for (path, digest) in files {
            let here_before = before.as_ref().is_none_or(|paths| paths.contains(&short(path)));
            let time = match self.files.get(path.as_bytes()) {
                Some((known, time)) if known == digest && here_before => *time,
                _ => now,
            };
            self.files.insert(path.as_bytes().to_vec(), (*digest, time));
            times.push(time);
        }
        self.steps.push((*step, paths));
        if self.steps.len() > STEPS {
            self.steps.remove(0);
        }
        if self.files.len() > FILES {
            let kept: BTreeSet<u64> = self.steps.iter().flat_map(|(_, paths)| paths).copied().collect();
            self.files.retain(|path, _| RootPath::clean(path).is_ok_and(|path| kept.contains(&short(&path))));
        }
        times
    }

    /// The stored form.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = (self.files.len() as u64).to_le_bytes().to_vec();
        for (path, (digest, time)) in &self.files {
            out.extend_from_slice(&(path.len() as u64).to_le_bytes());
            out.extend_from_slice(path);
            out.extend_from_slice(digest.as_bytes());
            out.extend_from_slice(&time.seconds.to_le_bytes());
            out.extend_from_slice(&time.nanoseconds.to_le_bytes());
        }
        out.extend_from_slice(&(self.steps.len() as u64).to_le_bytes());
        for (step, paths) in &self.steps {
            out.extend_from_slice(step.as_bytes());
            out.extend_from_slice(&(paths.len() as u64).to_le_bytes());
            out.extend(paths.iter().flat_map(|path| path.to_le_bytes()));
        }
        out
    }

    /// Reads the stored form.
    pub fn decode(mut bytes: &[u8]) -> Option<Seen> {
        let bytes = &mut bytes;
        let mut seen = Seen::default();
        for _ in 0..number(bytes)? {
            let length = usize::try_from(number(bytes)?).ok()?;
            let (path, rest) = bytes.split_at_checked(length)?;
            *bytes = rest;
            let digest = Digest::from_bytes(take(bytes)?);
            let time = Time {
                seconds: i64::from_le_bytes(take(bytes)?),
                nanoseconds: u32::from_le_bytes(take(bytes)?),
            };
            seen.files.insert(path.to_vec(), (digest, time));
        }
        for _ in 0..number(bytes)? {
            let step = Digest::from_bytes(take(bytes)?);
            let paths = (0..number(bytes)?).map(|_| number(bytes)).collect::<Option<_>>()?;
            seen.steps.push((step, paths));
        }
        bytes.is_empty().then_some(seen)
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

fn number(bytes: &mut &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(take(bytes)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(text: &[(&str, &str)]) -> Vec<(RootPath, Digest)> {
        text.iter().map(|(p, c)| (RootPath::clean(p).unwrap(), Digest::of(c.as_bytes()))).collect()
    }

    fn at(seconds: i64) -> Time {
        Time::from_seconds(seconds)
    }

    #[test]
    fn what_is_as_it_was_keeps_its_time_and_what_is_not_gets_a_new_one() {
        let (mut seen, step) = (Seen::default(), Digest::of(b"make"));
        assert_eq!(seen.look(&step, &files(&[("a", "1"), ("b", "1")]), at(10)), [at(10), at(10)]);
        assert_eq!(seen.look(&step, &files(&[("a", "1"), ("b", "2")]), at(20)), [at(10), at(20)]);
        assert_eq!(seen.look(&step, &files(&[("a", "1"), ("b", "2")]), at(30)), [at(10), at(20)]);
    }

    #[test]
    fn an_earlier_content_that_comes_back_is_new() {
        let (mut seen, step) = (Seen::default(), Digest::of(b"make"));
        seen.look(&step, &files(&[("a", "1")]), at(10));
        seen.look(&step, &files(&[("a", "2")]), at(20));
        assert_eq!(seen.look(&step, &files(&[("a", "1")]), at(30)), [at(30)]);
    }

    #[test]
    fn a_file_that_comes_back_after_a_run_without_it_is_new() {
        let (mut seen, step) = (Seen::default(), Digest::of(b"make"));
        seen.look(&step, &files(&[("a", "1"), ("b", "1")]), at(10));
        seen.look(&step, &files(&[("a", "1")]), at(20));
        assert_eq!(seen.look(&step, &files(&[("a", "1"), ("b", "1")]), at(30)), [at(10), at(30)]);
    }

    #[test]
    fn steps_that_see_different_files_do_not_make_each_others_new() {
        let mut seen = Seen::default();
        let (first, second) = (Digest::of(b"fetch"), Digest::of(b"make"));
        for now in [10, 20, 30] {
            assert_eq!(seen.look(&first, &files(&[("a", "1")]), at(now)), [at(10)]);
            assert_eq!(seen.look(&second, &files(&[("a", "1"), ("b", "1")]), at(now)), [at(10), at(10)]);
        }
    }

    #[test]
    fn the_stored_form_reads_back_and_no_cut_of_it_does() {
        let mut seen = Seen::default();
        seen.look(&Digest::of(b"make"), &files(&[("a", "1"), ("b/c", "1")]), at(10));
        let bytes = seen.encode();
        assert_eq!(Seen::decode(&bytes), Some(seen));
        for length in 0..bytes.len() {
            assert_eq!(Seen::decode(&bytes[..length]), None);
        }
    }
}
