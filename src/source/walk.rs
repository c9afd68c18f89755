//! Lists the wanted part of a directory, in parallel.
//!
//! One task for each directory: it is opened relative to its parent, read in one buffer, and everything in it is looked
//! at with `statx`. No link is ever followed.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;
use rustix::fs::{AtFlags, FileType, Mode, RawDir, Statx, StatxFlags, openat, readlinkat, statx};
use rustix::io::Errno;

use super::local::{DIRECTORY, Local};
use super::wanted::{Component, Wanted};
use crate::tree::{Matched, Patterns, RootPath};

/// A time stamp of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp {
    pub(super) seconds: i64,
    pub(super) nanoseconds: u32,
}

/// What one `statx` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) device: (u32, u32),
    pub(super) inode: u64,
    pub(super) mode: u32,
    pub(super) size: u64,
    pub(super) mtime: Stamp,
    pub(super) ctime: Stamp,
}

/// Something in a directory. Its name is with [`Contents::name`], so that fifty thousand of them are one run of memory.
#[derive(Debug)]
pub(super) struct Found {
    name: Name,
    pub(super) stat: Stat,
    pub(super) what: What,
    /// Left out by a pattern; a directory that is entered all the same, since something in it may be taken in again.
    pub(super) excluded: bool,
}

/// A wanted path, by its number, and how many of its components have been found.
pub(super) type Rest = (usize, usize);

#[derive(Debug)]
pub(super) enum What {
    File,
    Directory(Arc<Directory>),
    Link(Box<[u8]>),
    Fifo,
    /// What no image can have from a context.
    Special(&'static str),
}

/// A directory whose contents are being listed, or have been.
#[derive(Debug, Default)]
pub(super) struct Directory {
    contents: OnceLock<Result<Contents, Errno>>,
}

/// What is in a directory, sorted by name.
#[derive(Debug, Default)]
pub(super) struct Contents {
    names: Names,
    pub(super) found: Vec<Found>,
    /// Links, by their position, with the wanted paths that end there or go on behind them.
    pub(super) onward: Vec<(usize, Vec<Rest>)>,
}

impl Contents {
    /// The name of something that was found here.
    pub(super) fn name(&self, found: &Found) -> &[u8] {
        self.names.bytes(found.name)
    }
}

impl Directory {
    /// What is in it.
    pub(super) fn contents(&self) -> Result<&Contents, Errno> {
        static NOTHING: Contents =
            Contents { names: Names { bytes: Vec::new() }, found: Vec::new(), onward: Vec::new() };
        match self.contents.get() {
            Some(Ok(contents)) => Ok(contents),
            Some(Err(errno)) => Err(*errno),
            // A task sets it before it ends, and the scope ends after its tasks.
            None => Ok(&NOTHING),
        }
    }
}

/// Names one after the other, each with a NUL.
#[derive(Debug, Default)]
struct Names {
    bytes: Vec<u8>,
}

/// Where a name is among [`Names`]; without its NUL.
#[derive(Clone, Copy, Debug)]
struct Name {
    start: u32,
    length: u16,
}

impl Names {
    fn push(&mut self, name: &[u8]) -> Name {
        // LIMIT: NAME_MAX is 255, and no directory has four gigabytes of names.
        let at = Name { start: self.bytes.len() as u32, length: name.len() as u16 };
        self.bytes.extend_from_slice(name);
        self.bytes.push(0);
        at
    }

    fn bytes(&self, name: Name) -> &[u8] {
        &self.bytes[name.start as usize..][..usize::from(name.length)]
    }

    /// As the kernel takes it, so that nothing is copied for it.
    fn text(&self, name: Name) -> &CStr {
        let with_nul = &self.bytes[name.start as usize..][..usize::from(name.length) + 1];
        CStr::from_bytes_with_nul(with_nul).unwrap_or_default()
    }
}

/// What a walk looks for.
#[derive(Clone, Copy)]
pub(super) struct Goal<'a> {
    pub(super) wanted: &'a [Wanted],
    pub(super) ignore: &'a Patterns,
}

/// A directory still to be listed.
struct Task {
    above: Arc<OwnedFd>,
    path: RootPath,
    all: bool,
    open: Vec<Rest>,
    matched: Option<Matched>,
    result: Arc<Directory>,
}

/// LIMIT: directories larger than this are looked at by several threads.
const SPLIT: usize = 512;
/// LIMIT: PATH_MAX; no layer takes longer paths.
const LONGEST: usize = 4096;
/// LIMIT: NAME_MAX of every file system that counts in bytes.
const NAME: usize = 1 << 10;

/// Lists the wanted part of `local`, its root's contents first.
pub(super) fn walk(local: &Local, goal: Goal<'_>) -> Arc<Directory> {
    let result = Arc::new(Directory::default());
    let all = goal.wanted.iter().any(|wanted| wanted.components.is_empty());
    let open = goal.wanted.iter().enumerate().filter(|(_, w)| !w.components.is_empty()).map(|(i, _)| (i, 0));
    let task = Task {
        above: local.directory().clone(),
        path: RootPath::root(),
        all,
        open: open.collect(),
        matched: None,
        result: result.clone(),
    };
    rayon::scope(|scope| list(scope, goal, task));
    result
}

fn list<'a>(scope: &rayon::Scope<'a>, goal: Goal<'a>, task: Task) {
    let listed = open_and_read(goal, &task).map(|(directory, mut contents, below)| {
        let directory = Arc::new(directory);
        for (index, Below { all, open, matched }) in below {
            let result = Arc::new(Directory::default());
            let found = &mut contents.found[index];
            found.what = What::Directory(result.clone());
            let path = task.path.join(contents.names.bytes(found.name));
            let task = Task { above: directory.clone(), path, all, open, matched, result };
            scope.spawn(move |scope| list(scope, goal, task));
        }
        contents
    });
    task.result.contents.set(listed).expect("each directory has one task");
}

/// What there is to do in a directory that was found.
struct Below {
    all: bool,
    open: Vec<Rest>,
    matched: Option<Matched>,
}

type Read = (OwnedFd, Contents, Vec<(usize, Below)>);

fn open_and_read(goal: Goal<'_>, task: &Task) -> Result<Read, Errno> {
    let name = if task.path.is_root() { b".".as_slice() } else { task.path.name() };
    let directory = openat(&*task.above, name, DIRECTORY, Mode::empty())?;
    let (names, mut order) = match only_names(goal, task) {
        Some(listed) => listed,
        None => read_names(&directory)?,
    };
    order.sort_unstable_by(|a, b| names.bytes(*a).cmp(names.bytes(*b)));
    order.dedup_by(|a, b| names.bytes(*a) == names.bytes(*b));
    let look = |name: Name| look(&directory, goal, task, &names, name).transpose();
    let looked: Vec<Looked> = if order.len() > SPLIT {
        order.into_par_iter().with_min_len(SPLIT / 4).filter_map(look).collect::<Result<_, _>>()?
    } else {
        let mut all = Vec::with_capacity(order.len());
        for name in order {
            all.extend(look(name).transpose()?);
        }
        all
    };
    let mut contents = Contents { names, found: Vec::with_capacity(looked.len()), onward: Vec::new() };
    let mut below = Vec::new();
    for (at, Looked { found, rest }) in looked.into_iter().enumerate() {
        contents.found.push(found);
        match rest.map(|rest| *rest) {
            Some(Ahead::Below(task)) => below.push((at, task)),
            Some(Ahead::Onward(onward)) => contents.onward.push((at, onward)),
            None => {}
        }
    }
    Ok((directory, contents, below))
}

/// The names to look at where wanted paths give them, so that the directory need not be read.
fn only_names(goal: Goal<'_>, task: &Task) -> Option<(Names, Vec<Name>)> {
    if task.all {
        return None;
    }
    let mut names = Names::default();
    let name = |&(wanted, depth): &Rest| match &goal.wanted[wanted].components[depth] {
        // A name that no file can have is not there.
        Component::Name(name) if name.len() > NAME || name.contains(&0) => Some(None),
        Component::Name(name) => Some(Some(names.push(name))),
        Component::Pattern(_) => None,
    };
    let order: Option<Vec<Option<Name>>> = task.open.iter().map(name).collect();
    order.map(|order| (names, order.into_iter().flatten().collect()))
}

fn read_names(directory: &OwnedFd) -> Result<(Names, Vec<Name>), Errno> {
    let mut buffer = vec![MaybeUninit::uninit(); 32 << 10];
    let mut reader = RawDir::new(directory, &mut buffer);
    let (mut names, mut order) = (Names::default(), Vec::new());
    while let Some(entry) = reader.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            order.push(names.push(name));
        }
    }
    Ok((names, order))
}

struct Looked {
    found: Found,
    /// Few have it.
    rest: Option<Box<Ahead>>,
}

enum Ahead {
    Below(Below),
    Onward(Vec<Rest>),
}

/// Looks at one name: nothing if it is not wanted, left out, or gone.
fn look(
    directory: &OwnedFd,
    goal: Goal<'_>,
    task: &Task,
    names: &Names,
    at: Name,
) -> Result<Option<Looked>, Errno> {
    let name = names.bytes(at);
    let mut all = task.all;
    let mut open = Vec::new();
    let mut onward = Vec::new();
    for &(wanted, depth) in &task.open {
        let components = &goal.wanted[wanted].components;
        if components[depth].matches(name) {
            onward.push((wanted, depth + 1));
            match depth + 1 == components.len() {
                true => all = true,
                false => open.push((wanted, depth + 1)),
            }
        }
    }
    if !all && open.is_empty() {
        return Ok(None);
    }
    let mut matched = None;
    let mut excluded = false;
    if !goal.ignore.is_empty() {
        let path = task.path.join(name);
        let said = goal.ignore.step(&path, task.matched.as_ref());
        excluded = said.is_excluded();
        // What is left out need not even be looked at, unless it may be a directory to enter.
        if excluded && goal.ignore.prunes(&path, &said) {
            return Ok(None);
        }
        matched = Some(said);
    }
    if task.path.as_bytes().len() + 1 + name.len() > LONGEST {
        return Err(Errno::NAMETOOLONG);
    }
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    let mask = StatxFlags::TYPE
        | StatxFlags::MODE
        | StatxFlags::INO
        | StatxFlags::SIZE
        | StatxFlags::MTIME
        | StatxFlags::CTIME;
    let (kind, stat) = match statx(directory, names.text(at), flags, mask) {
        Ok(stat) => take_apart(&stat),
        // Wanted by name and not there, or gone since it was listed.
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(errno),
    };
    let found = |what| Found { name: at, stat, what, excluded };
    let what = match kind {
        FileType::Directory => {
            let ahead = Ahead::Below(Below { all, open, matched });
            let found = found(What::Directory(Arc::default()));
            return Ok(Some(Looked { found, rest: Some(Box::new(ahead)) }));
        }
        _ if excluded => return Ok(None),
        FileType::Symlink => {
            let target = readlinkat(directory, names.text(at), Vec::new())?.into_bytes();
            let rest = (!onward.is_empty()).then(|| Box::new(Ahead::Onward(onward)));
            return Ok(Some(Looked { found: found(What::Link(target.into())), rest }));
        }
        // The wanted path goes on, and there is nothing below this.
        _ if !all => return Ok(None),
        FileType::RegularFile => What::File,
        FileType::Fifo => What::Fifo,
        FileType::Socket => What::Special("socket"),
        _ => What::Special("device"),
    };
    Ok(Some(Looked { found: found(what), rest: None }))
}

fn take_apart(stat: &Statx) -> (FileType, Stat) {
    let stamp = |time: rustix::fs::StatxTimestamp| Stamp { seconds: time.tv_sec, nanoseconds: time.tv_nsec };
    let mode = u32::from(stat.stx_mode);
    let taken = Stat {
        device: (stat.stx_dev_major, stat.stx_dev_minor),
        inode: stat.stx_ino,
        mode: mode & 0o7777,
        size: stat.stx_size,
        mtime: stamp(stat.stx_mtime),
        ctime: stamp(stat.stx_ctime),
    };
    (FileType::from_raw_mode(mode), taken)
}
