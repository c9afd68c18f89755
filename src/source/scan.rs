//! A directory as entries: walked, hashed where the stat cache does not know better, normalised.

use std::collections::BTreeMap;
use std::io::Read;

use rayon::prelude::*;
use rustix::fs::fgetxattr;
use rustix::io::Errno;

use super::error::Error;
use super::links::onward;
use super::listing::{Content, Line, LineKind, Listing};
use super::local::Local;
use super::modes::ContextModes;
use super::probe::Probe;
use super::stat_cache::{Reader, Record, Writer, order};
use super::walk::{Goal, walk};
use super::wanted::Wanted;
use crate::oci::{Digest, Epoch, Hasher};
use crate::tree::{Entries, Patterns, entries_digest};

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
    /// The stat cache that an earlier scan gave, whole; whoever keeps it notices damage.
    pub cache: Option<&'a [u8]>,
}

/// What a directory holds.
#[derive(Debug)]
pub struct Scan {
    listing: Listing,
    modes: ContextModes,
    epoch: Option<Epoch>,
    probe: Probe,
    /// How many entries lost permission bits (or, under `git`, have other ones).
    pub loosened: usize,
    /// The digest of all entries.
    pub digest: Digest,
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
        let &ScanOptions { modes, epoch, .. } = options;
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
        let mut listing = Listing::of(self, &root)?;
        drop(root);
        let whole = wanted.iter().any(|wanted| wanted.components.is_empty());
        let known = Known::look_up(options.cache, &mut listing, whole);
        let read = self.hash(&mut listing, modes)?;
        let cache = known.renew(&listing, &probe);
        drop(known);
        let mut loosened = 0;
        let digest = entries_digest((0..listing.lines.len()).map(|index| {
            let (entry, changed) = listing.entry(index, modes, epoch);
            loosened += usize::from(changed);
            entry
        }));
        Ok(Scan { listing, modes, epoch, probe, loosened, digest, cache, read })
    }

    /// Reads what is not known; says how many bytes that were.
    fn hash(&self, listing: &mut Listing, modes: ContextModes) -> Result<u64, Error> {
        let capabilities = modes == ContextModes::Preserve;
        let unread = |index: &usize| match listing.lines[*index].kind {
            LineKind::File(Content::Unread) => true,
            // Only a program can have a capability.
            LineKind::File(_) => capabilities && listing.lines[*index].stat.mode & 0o111 != 0,
            _ => false,
        };
        let unread: Vec<usize> = (0..listing.lines.len()).filter(unread).collect();
        let done: Result<Vec<Done>, Error> = unread
            .par_iter()
            .map_init(Vec::new, |buffer, &index| {
                let line = &listing.lines[index];
                let path = listing.root_path(index);
                buffer.clear();
                if !capabilities && self.read_whole(&path, &line.stat, buffer) {
                    let content = Some((line.stat.size, Digest::of(buffer)));
                    return Ok(Done { xattrs: BTreeMap::new(), content });
                }
                let mut file = self.open_file(&path)?;
                let xattrs = match capabilities {
                    true => capability(&file).map_err(|e| Error::read(self.display(&path))(e.into()))?,
                    false => BTreeMap::new(),
                };
                if !matches!(line.kind, LineKind::File(Content::Unread)) {
                    return Ok(Done { xattrs, content: None });
                }
                let (content, size) = content(&mut file, buffer).map_err(Error::read(self.display(&path)))?;
                Ok(Done { xattrs, content: Some((size, content)) })
            })
            .collect();
        let mut read = 0;
        for (index, Done { xattrs, content }) in unread.into_iter().zip(done?) {
            if !xattrs.is_empty() {
                listing.xattrs.insert(index, xattrs);
            }
            let line = &mut listing.lines[index];
            if let Some((size, digest)) = content {
                // A file that grew since it was looked at is what was read; its stamps say nothing of it.
                let same = size == line.stat.size;
                line.kind =
                    LineKind::File(if same { Content::Known(digest) } else { Content::Read(size, digest) });
                read += size;
            }
        }
        Ok(read)
    }
}

/// What was asked of one file.
struct Done {
    xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The number of its bytes and their digest, unless that was known.
    content: Option<(u64, Digest)>,
}

impl Scan {
    /// Appends the bytes of the file at that position of the entries to `out`, if its stamps say that they are still those
    /// that the entry's digest was made of. False, with nothing appended, where that must be seen in the bytes.
    pub fn read_settled(&self, local: &Local, index: usize, out: &mut Vec<u8>) -> bool {
        let Line { stat, kind } = &self.listing.lines[index];
        matches!(kind, LineKind::File(Content::Known(_)))
            && self.probe.settled(stat.device, stat.ctime)
            && local.read_whole(&self.listing.root_path(index), stat, out)
    }

    /// Sorted, without the root; files hashed, owners, modes and times normalised. Hard links are separate files.
    pub fn entries(&self) -> Entries {
        let entry = |index| self.listing.entry(index, self.modes, self.epoch).0;
        (0..self.listing.lines.len()).map(entry).collect()
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

/// What the stat cache knows beside a listing.
struct Known {
    /// Records of paths that were not looked at.
    unseen: Vec<(Vec<u8>, Record)>,
    /// Whether the cache has nothing but what is still true.
    intact: bool,
}

impl Known {
    /// Fills in what the cache knows of the files of `listing`.
    fn look_up(cache: Option<&[u8]>, listing: &mut Listing, whole: bool) -> Known {
        let mut reader = Reader::new(cache);
        let mut known = Known { unseen: Vec::new(), intact: true };
        for index in 0..listing.lines.len() {
            if !matches!(listing.lines[index].kind, LineKind::File(_)) {
                continue;
            }
            let mut found = None;
            while let Some((path, record)) = reader.current() {
                match order(path, listing.path(index)) {
                    std::cmp::Ordering::Less => known.unseen.push((path.to_vec(), *record)),
                    std::cmp::Ordering::Equal if record.is_of(&listing.lines[index].stat) => {
                        found = Some(record.digest);
                    }
                    std::cmp::Ordering::Equal => {}
                    std::cmp::Ordering::Greater => break,
                }
                reader.advance();
            }
            match found {
                Some(digest) => listing.lines[index].kind = LineKind::File(Content::Known(digest)),
                None => known.intact = false,
            }
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
    fn renew(&self, listing: &Listing, probe: &Probe) -> Option<Vec<u8>> {
        if self.intact {
            return None;
        }
        let mut writer = Writer::new(listing.lines.len() + self.unseen.len());
        let mut unseen = self.unseen.iter().peekable();
        for (index, line) in listing.lines.iter().enumerate() {
            let LineKind::File(Content::Known(digest)) = &line.kind else { continue };
            let path = listing.path(index);
            while let Some((before, record)) = unseen.next_if(|(p, _)| order(p, path).is_lt()) {
                writer.push(before, record);
            }
            if probe.settled(line.stat.device, line.stat.ctime) {
                writer.push(path, &Record::new(&line.stat, *digest));
            }
        }
        unseen.for_each(|(path, record)| writer.push(path, record));
        Some(writer.finish())
    }
}
