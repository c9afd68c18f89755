//! Lists the wanted part of a directory, in parallel.
//!
//! One task for each directory: it is opened relative to its parent, read in one buffer, and everything in it is looked
//! at with `statx`. No link is ever followed.

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

/// Something in a directory.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: RootPath,
    pub(super) stat: Stat,
    pub(super) what: What,
    /// Left out by a pattern; a directory that is entered all the same, since something in it may be taken in again.
    pub(super) excluded: bool,
    /// Wanted paths that end at this link or go on behind it.
    pub(super) onward: Vec<Rest>,
}

/// A wanted path, by its number, and how many of its components have been found.
pub(super) type Rest = (usize, usize);

#[derive(Debug)]
pub(super) enum What {
    File,
    Directory(Arc<Directory>),
    Link(Vec<u8>),
    Fifo,
    /// What no image can have from a context.
    Special(&'static str),
}

/// A directory whose contents are being listed, or have been.
#[derive(Debug, Default)]
pub(super) struct Directory {
    contents: OnceLock<Result<Vec<Found>, Errno>>,
}

impl Directory {
    /// What is in it, sorted by name.
    pub(super) fn contents(&self) -> Result<&[Found], Errno> {
        match self.contents.get() {
            Some(Ok(found)) => Ok(found),
            Some(Err(errno)) => Err(*errno),
            // A task sets it before it ends, and the scope ends after its tasks.
            None => Ok(&[]),
        }
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
    let listed = open_and_read(goal, &task).map(|(directory, found)| {
        let directory = Arc::new(directory);
        for (found, next) in &found {
            if let (What::Directory(result), Some((all, open, matched))) = (&found.what, next) {
                let task = Task {
                    above: directory.clone(),
                    path: found.path.clone(),
                    all: *all,
                    open: open.clone(),
                    matched: matched.clone(),
                    result: result.clone(),
                };
                scope.spawn(move |scope| list(scope, goal, task));
            }
        }
        found.into_iter().map(|(found, _)| found).collect()
    });
    task.result.contents.set(listed).expect("each directory has one task");
}

type Next = Option<(bool, Vec<Rest>, Option<Matched>)>;

fn open_and_read(goal: Goal<'_>, task: &Task) -> Result<(OwnedFd, Vec<(Found, Next)>), Errno> {
    let name = if task.path.is_root() { b".".as_slice() } else { task.path.name() };
    let directory = openat(&*task.above, name, DIRECTORY, Mode::empty())?;
    let mut names = match only_names(goal, task) {
        Some(names) => names,
        None => read_names(&directory)?,
    };
    names.sort_unstable();
    names.dedup();
    let look = |name: Vec<u8>| look(&directory, goal, task, &name).transpose();
    let found: Result<Vec<_>, Errno> = if names.len() > SPLIT {
        names.into_par_iter().with_min_len(SPLIT / 4).filter_map(look).collect()
    } else {
        names.into_iter().filter_map(look).collect()
    };
    Ok((directory, found?))
}

/// The names to look at where wanted paths give them, so that the directory need not be read.
fn only_names(goal: Goal<'_>, task: &Task) -> Option<Vec<Vec<u8>>> {
    if task.all {
        return None;
    }
    let name = |&(wanted, depth): &Rest| match &goal.wanted[wanted].components[depth] {
        Component::Name(name) => Some(name.clone()),
        Component::Pattern(_) => None,
    };
    task.open.iter().map(name).collect()
}

fn read_names(directory: &OwnedFd) -> Result<Vec<Vec<u8>>, Errno> {
    let mut buffer = vec![MaybeUninit::uninit(); 32 << 10];
    let mut reader = RawDir::new(directory, &mut buffer);
    let mut names = Vec::new();
    while let Some(entry) = reader.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(name.to_vec());
        }
    }
    Ok(names)
}

/// Looks at one name: nothing if it is not wanted, left out, or gone.
fn look(
    directory: &OwnedFd,
    goal: Goal<'_>,
    task: &Task,
    name: &[u8],
) -> Result<Option<(Found, Next)>, Errno> {
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
    let path = task.path.join(name);
    let matched = match goal.ignore.is_empty() {
        true => None,
        false => Some(goal.ignore.step(&path, task.matched.as_ref())),
    };
    let excluded = matched.as_ref().is_some_and(Matched::is_excluded);
    // What is left out need not even be looked at, unless it may be a directory to enter.
    let pruned = matched.as_ref().is_some_and(|matched| excluded && goal.ignore.prunes(&path, matched));
    if pruned {
        return Ok(None);
    }
    if path.as_bytes().len() > LONGEST {
        return Err(Errno::NAMETOOLONG);
    }
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    let mask = StatxFlags::TYPE
        | StatxFlags::MODE
        | StatxFlags::INO
        | StatxFlags::SIZE
        | StatxFlags::MTIME
        | StatxFlags::CTIME;
    let (kind, stat) = match statx(directory, name, flags, mask) {
        Ok(stat) => take_apart(&stat),
        // Wanted by name and not there, or gone since it was listed.
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(errno),
    };
    let what = match kind {
        FileType::Directory => What::Directory(Arc::default()),
        _ if excluded => return Ok(None),
        FileType::Symlink => What::Link(readlinkat(directory, name, Vec::new())?.into_bytes()),
        // The wanted path goes on, and there is nothing below this.
        _ if !all => return Ok(None),
        FileType::RegularFile => What::File,
        FileType::Fifo => What::Fifo,
        FileType::Socket => What::Special("socket"),
        _ => What::Special("device"),
    };
    let onward = if matches!(what, What::Link(_)) { onward } else { Vec::new() };
    let next = matches!(what, What::Directory(_)).then_some((all, open, matched));
    Ok(Some((Found { path, stat, what, excluded, onward }, next)))
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
