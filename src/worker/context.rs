//! A build context: a directory or an archive, scanned once for all that the build can read of it.

use std::io::Read;
use std::sync::OnceLock;

use super::error::Error;
use crate::oci::{DiffId, Digest, Epoch};
use crate::source::{Archive, ContextModes, Local, Scan, ScanOptions, Wanted};
use crate::store::Store;
use crate::tree::{Entries, Patterns, Place, Stack};

/// A build context.
pub struct Context {
    /// What it is.
    pub files: ContextFiles,
    /// What its ignore file says.
    pub ignore: Patterns,
    scanned: OnceLock<Scanned>,
}

/// What a context is.
pub enum ContextFiles {
    /// A directory of the host.
    Directory(Local),
    /// A tar that was spooled.
    Archive(Archive),
    /// A layer in the store: what was fetched.
    Layer(DiffId),
    /// There is none: only the text of a Dockerfile was given.
    Empty,
}

/// What a scan found.
#[derive(Debug)]
pub struct Scanned {
    from: From,
    /// Made when a step first reads it: where all steps are cached, none does.
    stack: OnceLock<Stack>,
    /// Entries that lost permission bits.
    pub loosened: usize,
    /// Bytes of file content that were read.
    pub read: u64,
}

#[derive(Debug)]
enum From {
    Directory(Box<Scan>),
    /// Which member of an archive each entry's bytes are in.
    Archive(Vec<usize>),
    Nothing,
}

impl Scanned {
    /// The entries, as one layer.
    pub fn stack(&self) -> &Stack {
        self.stack.get_or_init(|| match &self.from {
            From::Directory(scan) => Stack::new(vec![scan.entries()]),
            From::Archive(_) | From::Nothing => Stack::new(vec![Entries::default()]),
        })
    }

    /// The digest of all entries, where it is known without them.
    pub fn digest(&self) -> Option<Digest> {
        match &self.from {
            From::Directory(scan) => Some(scan.digest),
            From::Archive(_) | From::Nothing => None,
        }
    }
}

impl Context {
    /// A context that nobody has looked at yet.
    pub fn new(files: ContextFiles, ignore: Patterns) -> Context {
        Context { files, ignore, scanned: OnceLock::new() }
    }

    /// Looks at all that is `wanted`. Must come before [`Context::scanned`]; the second call changes nothing.
    pub fn scan(
        &self,
        store: &Store,
        wanted: &[Wanted],
        modes: ContextModes,
        epoch: Option<Epoch>,
    ) -> Result<&Scanned, Error> {
        if let Some(scanned) = self.scanned.get() {
            return Ok(scanned);
        }
        let scanned = match &self.files {
            ContextFiles::Directory(local) => {
                let cache = store.stat_cache(local.path())?;
                let options =
                    ScanOptions { wanted, ignore: &self.ignore, modes, epoch, cache: cache.as_deref() };
                let mut scan = local.scan(&options)?;
                drop(cache);
                if let Some(cache) = scan.cache.take() {
                    store.put_stat_cache(local.path(), &cache)?;
                }
                let (loosened, read) = (scan.loosened, scan.read);
                Scanned { from: From::Directory(Box::new(scan)), stack: OnceLock::new(), loosened, read }
            }
            ContextFiles::Archive(archive) => {
                let (entries, members, loosened) = archive.context(&self.ignore, modes, epoch)?;
                let stack = OnceLock::from(Stack::new(vec![entries]));
                Scanned { from: From::Archive(members), stack, loosened, read: 0 }
            }
            ContextFiles::Layer(_) | ContextFiles::Empty => {
                Scanned { from: From::Nothing, stack: OnceLock::new(), loosened: 0, read: 0 }
            }
        };
        Ok(self.scanned.get_or_init(|| scanned))
    }

    /// The layer that it is, where it is one: then nothing of it is scanned.
    pub fn layer(&self) -> Option<DiffId> {
        match self.files {
            ContextFiles::Layer(diff_id) => Some(diff_id),
            ContextFiles::Directory(_) | ContextFiles::Archive(_) | ContextFiles::Empty => None,
        }
    }

    /// What the scan found.
    ///
    /// # Panics
    ///
    /// If there was no scan: a step that reads a context has wanted it.
    pub fn scanned(&self) -> &Scanned {
        self.scanned.get().expect("a context is scanned before a step reads it")
    }

    /// Appends the bytes of the file at `place` to `out` where they need not be hashed to be those of its entry.
    pub(super) fn read_settled(&self, place: Place, out: &mut Vec<u8>) -> bool {
        match (&self.files, &self.scanned().from) {
            (ContextFiles::Directory(local), From::Directory(scan)) => {
                scan.read_settled(local, place.index, out)
            }
            _ => false,
        }
    }

    /// The bytes of the file at `place` of the scanned stack.
    pub(super) fn open(&self, place: Place) -> Result<Box<dyn Read + Send>, Error> {
        let scanned = self.scanned();
        match (&self.files, &scanned.from) {
            (ContextFiles::Directory(local), _) => {
                let path = &scanned.stack().layers()[place.layer][place.index].path;
                Ok(Box::new(local.open_file(path)?))
            }
            (ContextFiles::Archive(archive), From::Archive(members)) => {
                Ok(Box::new(archive.content(members[place.index])))
            }
            _ => Ok(Box::new(std::io::empty())),
        }
    }
}
