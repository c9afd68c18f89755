//! A directory as entries: walked, hashed where the stat cache does not know better, normalised.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use rayon::prelude::*;
use rustix::fs::fgetxattr;
use rustix::io::Errno;

use super::error::Error;
use super::links::onward;
use super::local::Local;
use super::modes::{ContextModes, normalise};
use super::probe::Probe;
use super::stat_cache::{Reader, Record, Writer, order};
use super::walk::{Directory, Found, Goal, Stat, What, walk};
use super::wanted::Wanted;
use crate::oci::{Digest, Epoch, Hasher};
use crate::tree::{Entry, Kind, Patterns, RootPath, Time};

/// How a directory is scanned.
#[derive(Clone, Copy, Debug)]
pub struct ScanOptions<'a> {
    /// What the build can read; a path that is not there is not missed here.
    pub wanted: &'a [Wanted],
    /// What `.dockerignore` leaves out.
    pub ignore: &'a Patterns,
    /// What becomes of permission bits.
    pub modes: ContextModes,
    /// The time of every entry; none to keep times, in whole seconds.
    pub epoch: Option<Epoch>,
    /// The stat cache that an earlier scan gave. Damaged bytes are as good as none.
    pub cache: Option<&'a [u8]>,
}

/// What a directory holds.
#[derive(Clone, Debug)]
pub struct Scan {
    /// Sorted, without the root; files hashed, owners, modes and times normalised. Hard links are separate files.
    pub entries: Arc<[Entry]>,
    /// How many entries lost permission bits (or, under `git`, have other ones).
    pub loosened: usize,
    /// The new stat cache; none if the old one still says it all.
    pub cache: Option<Vec<u8>>,
    /// Bytes of file content that were read.
    pub read: u64,
}

/// LIMIT: what is kept of a part of the context that this build does not look at.
const UNSEEN: usize = 100_000;

impl Local {
    /// Lists the wanted part of the directory and hashes what the stat cache does not know.
    pub fn scan(&self, options: &ScanOptions<'_>) -> Result<Scan, Error> {
        // ORDER: before anything is looked at.
        let probe = Probe::take(self.directory());
        let mut wanted = options.wanted.to_vec();
        let root = loop {
            let goal = Goal { wanted: &wanted, ignore: options.ignore };
            let root = walk(self, goal);
            let more = onward(self, goal, &root)?;
            if more.is_empty() {
                break root;
            }
            wanted.extend(more);
        };
        let mut listing = Listing { local: self, entries: Vec::new(), stats: Vec::new() };
        listing.directory(&RootPath::root(), &root)?;
        let Listing { mut entries, stats, .. } = listing;

        let whole = wanted.iter().any(|wanted| wanted.components.is_empty());
        let mut known = Known::look_up(options.cache, &entries, &stats, whole);
        let read = self.hash(&mut entries, &stats, &mut known, options.modes)?;
        let cache = known.renew(&entries, &stats, &probe);
        let loosened = entries
            .iter_mut()
            .filter_map(|e| normalise(e, options.modes, options.epoch).then_some(()))
            .count();
        Ok(Scan { entries: entries.into(), loosened, cache, read })
    }

    /// Fills in what is not known; says how many bytes were read.
    fn hash(
        &self,
        entries: &mut [Entry],
        stats: &[Stat],
        known: &mut Known,
        modes: ContextModes,
    ) -> Result<u64, Error> {
        let capabilities = modes == ContextModes::Preserve;
        let done: Result<Vec<u64>, Error> = entries
            .par_iter_mut()
            .zip(stats)
            .zip(&mut known.digests)
            .filter(|((entry, stat), digest)| {
                // Only a program can have a capability.
                let ask = capabilities && stat.mode & 0o111 != 0;
                matches!(entry.kind, Kind::File { .. }) && (digest.is_none() || ask)
            })
            .map_init(Vec::new, |buffer, ((entry, stat), digest)| {
                let mut file = self.open_file(&entry.path)?;
                if capabilities {
                    entry.xattrs =
                        capability(&file).map_err(|e| Error::read(self.display(&entry.path))(e.into()))?;
                }
                if digest.is_some() {
                    return Ok(0);
                }
                let (content, size) =
                    content(&mut file, buffer).map_err(Error::read(self.display(&entry.path)))?;
                // A file that grew since it was looked at is what was read; its stamp says nothing of it.
                entry.kind = Kind::File { size, digest: content };
                *digest = (size == stat.size).then_some(content);
                Ok(size)
            })
            .collect();
        for (entry, digest) in entries.iter_mut().zip(&known.digests) {
            if let (Kind::File { digest: to, .. }, Some(from)) = (&mut entry.kind, digest) {
                *to = *from;
            }
        }
        Ok(done?.into_iter().sum())
    }
}

/// The digest and the number of a file's bytes.
fn content(file: &mut impl Read, buffer: &mut Vec<u8>) -> std::io::Result<(Digest, u64)> {
    let mut hasher = Hasher::new();
    buffer.resize(128 << 10, 0);
    let mut size = 0;
    loop {
        match file.read(buffer) {
            Ok(0) => return Ok((hasher.finish(), size)),
            Ok(n) => {
                hasher.update(&buffer[..n]);
                size += n as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The one attribute that a file of a context keeps.
fn capability(file: &std::fs::File) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, Errno> {
    const NAME: &str = "security.capability";
    let mut value = vec![0; 64];
    match fgetxattr(file, NAME, &mut value) {
        Ok(length) => {
            value.truncate(length);
            Ok(BTreeMap::from([(NAME.into(), value)]))
        }
        Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(BTreeMap::new()),
        Err(errno) => Err(errno),
    }
}

/// Entries in the making, and what `statx` said of each.
struct Listing<'a> {
    local: &'a Local,
    entries: Vec<Entry>,
    stats: Vec<Stat>,
}

impl Listing<'_> {
    /// Appends a directory's contents. Says whether anything was appended.
    fn directory(&mut self, path: &RootPath, directory: &Directory) -> Result<bool, Error> {
        let contents =
            directory.contents().map_err(|errno| Error::read(self.local.display(path))(errno.into()))?;
        let before = self.entries.len();
        for found in contents {
            let kind = match &found.what {
                What::Special(what) => return Err(Error::Special { path: found.path.clone(), what }),
                What::Directory(below) => {
                    let at = self.entries.len();
                    self.push(found, Kind::Directory);
                    if !self.directory(&found.path, below)? && found.excluded {
                        self.entries.truncate(at);
                        self.stats.truncate(at);
                    }
                    continue;
                }
                What::File => Kind::File { size: found.stat.size, digest: Digest::from_bytes([0; 32]) },
                What::Link(target) => Kind::Symlink(target.clone()),
                What::Fifo => Kind::Fifo,
            };
            self.push(found, kind);
        }
        Ok(self.entries.len() > before)
    }

    fn push(&mut self, found: &Found, kind: Kind) {
        let mtime = Time::from_seconds(found.stat.mtime.seconds);
        let (path, mode) = (found.path.clone(), found.stat.mode);
        self.entries.push(Entry { path, kind, mode, uid: 0, gid: 0, mtime, xattrs: BTreeMap::new() });
        self.stats.push(found.stat);
    }
}

/// What the stat cache knows of a listing.
struct Known {
    /// For each entry that is a file.
    digests: Vec<Option<Digest>>,
    /// Records of paths that were not looked at.
    unseen: Vec<(Vec<u8>, Record)>,
    /// Whether the cache has nothing but what is still true.
    intact: bool,
}

impl Known {
    fn look_up(cache: Option<&[u8]>, entries: &[Entry], stats: &[Stat], whole: bool) -> Known {
        let mut reader = Reader::new(cache);
        let mut known = Known { digests: vec![None; entries.len()], unseen: Vec::new(), intact: true };
        for (index, (entry, stat)) in entries.iter().zip(stats).enumerate() {
            if !matches!(entry.kind, Kind::File { .. }) {
                continue;
            }
            while let Some((path, record)) = reader.current() {
                match order(path, entry.path.as_bytes()) {
                    std::cmp::Ordering::Less => known.unseen.push((path.to_vec(), *record)),
                    std::cmp::Ordering::Equal if record.is_of(stat) => {
                        known.digests[index] = Some(record.digest)
                    }
                    std::cmp::Ordering::Equal => {}
                    std::cmp::Ordering::Greater => break,
                }
                reader.advance();
            }
            known.intact &= known.digests[index].is_some();
        }
        while let Some((path, record)) = reader.current() {
            known.unseen.push((path.to_vec(), *record));
            reader.advance();
        }
        // After a whole scan, what was not seen is gone.
        if whole || known.unseen.len() > UNSEEN {
            known.intact &= known.unseen.is_empty();
            known.unseen.clear();
        }
        known
    }

    /// The new cache, if the old one is not the same.
    fn renew(&self, entries: &[Entry], stats: &[Stat], probe: &Probe) -> Option<Vec<u8>> {
        if self.intact {
            return None;
        }
        let mut writer = Writer::new(entries.len() + self.unseen.len());
        let mut unseen = self.unseen.iter().peekable();
        for ((entry, stat), digest) in entries.iter().zip(stats).zip(&self.digests) {
            let Some(digest) = digest else { continue };
            let path = entry.path.as_bytes();
            while let Some((before, record)) = unseen.next_if(|(p, _)| order(p, path).is_lt()) {
                writer.push(before, record);
            }
            if probe.settled(stat.device, stat.ctime) {
                writer.push(path, &Record::new(stat, *digest));
            }
        }
        unseen.for_each(|(path, record)| writer.push(path, record));
        Some(writer.finish())
    }
}
