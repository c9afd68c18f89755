//! Trees and layers as lines of text, for the tests of this folder.
//!
//! `a/` is a directory, `a//` one that hides what lay there, `a/b=text` a file, `a->b` a link, `a==b` another name of `b`, `a|` a pipe, `a!` a whiteout. After
//! it, where they are not the usual ones: permission bits, `user:group`, `@seconds`.

use super::owner::Owner;
use super::place::{Archives, place};
use super::placed::{Content, Placed};
use super::select::select;
use super::selection::Selection;
use crate::graph::{Copy, CopySource, Input, Unpack};
use crate::oci::{Digest, LAYER_EPOCH};
use crate::tree::{Entries, Entry, Kind, RootPath, Stack, Time};

/// A sorted layer.
pub(super) fn layer(lines: &[&str]) -> Entries {
    let mut entries: Vec<Entry> = lines.iter().map(|line| entry(line)).collect();
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    entries.into()
}

pub(super) fn stack(lines: &[&str]) -> Stack {
    Stack::new(vec![layer(lines)])
}

pub(super) fn path(text: &str) -> RootPath {
    RootPath::clean(text).unwrap()
}

/// The digest of a file's text carries the text, so that it can be drawn again.
fn digest(text: &str) -> Digest {
    let mut bytes = [0; 32];
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    Digest::from_bytes(bytes)
}

fn entry(line: &str) -> Entry {
    let mut words = line.split_whitespace();
    let first = words.next().unwrap();
    let (name, kind) = if let Some((name, target)) = first.split_once("->") {
        (name, Kind::Symlink(target.into()))
    } else if let Some((name, target)) = first.split_once("==") {
        (name, Kind::Hardlink(path(target)))
    } else if let Some((name, text)) = first.split_once('=') {
        (name, Kind::File { size: text.len() as u64, digest: digest(text) })
    } else if let Some(name) = first.strip_suffix('|') {
        (name, Kind::Fifo)
    } else if let Some(name) = first.strip_suffix('!') {
        (name, Kind::Whiteout)
    } else if let Some(name) = first.strip_suffix("//") {
        (name, Kind::OpaqueDirectory)
    } else {
        (first.strip_suffix('/').expect("a directory"), Kind::Directory)
    };
    let mut entry = Entry::directory(path(name), Time::from_seconds(LAYER_EPOCH.0));
    entry.mode = usual(&kind);
    entry.kind = kind;
    for word in words {
        if let Some(seconds) = word.strip_prefix('@') {
            entry.mtime = Time::from_seconds(seconds.parse().unwrap());
        } else if let Some((uid, gid)) = word.split_once(':') {
            (entry.uid, entry.gid) = (uid.parse().unwrap(), gid.parse().unwrap());
        } else {
            entry.mode = u32::from_str_radix(word, 8).unwrap();
        }
    }
    entry
}

fn usual(kind: &Kind) -> u32 {
    match kind {
        Kind::Directory | Kind::OpaqueDirectory => 0o755,
        Kind::Symlink(_) => 0o777,
        Kind::Whiteout => 0,
        _ => 0o644,
    }
}

fn text(placed: &Placed) -> String {
    let Entry { path, kind, mode, uid, gid, mtime, xattrs } = &placed.entry;
    let name = String::from_utf8_lossy(path.as_bytes()).into_owned();
    let mut line = match kind {
        Kind::Directory => format!("{name}/"),
        Kind::Symlink(target) => format!("{name}->{}", String::from_utf8_lossy(target)),
        Kind::Hardlink(target) => format!("{name}=={}", String::from_utf8_lossy(target.as_bytes())),
        Kind::Fifo => format!("{name}|"),
        Kind::Whiteout => format!("{name}!"),
        Kind::File { digest, size } => match &placed.content {
            Content::Inline(bytes) => format!("{name}={}", String::from_utf8_lossy(bytes)),
            _ => format!("{name}={}", String::from_utf8_lossy(&digest.as_bytes()[..*size as usize])),
        },
        kind => panic!("{kind:?}"),
    };
    if *mode != usual(kind) {
        line += &format!(" {mode:o}");
    }
    if (*uid, *gid) != (0, 0) {
        line += &format!(" {uid}:{gid}");
    }
    if mtime.seconds != LAYER_EPOCH.0 {
        line += &format!(" @{}", mtime.seconds);
    }
    for (name, value) in xattrs {
        line += &format!(" {}={}", String::from_utf8_lossy(name), String::from_utf8_lossy(value));
    }
    line
}

pub(super) fn draw(placed: &[Placed]) -> Vec<String> {
    placed.iter().map(text).collect()
}

/// A copy of these sources, as plain as can be.
pub(super) fn copy(sources: &[&str], destination: &str) -> Copy {
    Copy {
        from: Input::Scratch,
        sources: sources.iter().map(|path| CopySource::Path(path.to_string())).collect(),
        destination: destination.to_string(),
        owner: None,
        mode: None,
        link: false,
        parents: false,
        exclude: Vec::new(),
        unpack: Unpack::Never,
        epoch: Some(LAYER_EPOCH),
    }
}

/// What a copy of parts of `source` onto `base` writes, or why it does not.
pub(super) fn placed(copy: &Copy, source: &[&str], base: &[&str]) -> Result<Vec<String>, String> {
    placed_with(copy, source, base, None, &Archives::new()).map(|placed| draw(&placed))
}

pub(super) fn placed_with(
    copy: &Copy,
    source: &[&str],
    base: &[&str],
    owner: Option<Owner>,
    archives: &Archives,
) -> Result<Vec<Placed>, String> {
    let selection: Selection = select(copy, &stack(source)).map_err(|error| error.to_string())?;
    let layer = place(copy, selection, &stack(base), owner, archives).map_err(|error| error.to_string())?;
    Ok(layer.entries)
}
