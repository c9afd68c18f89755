//! Anybody's tar to a sorted list.

use std::io::Read;

use super::error::Error;
use super::files::{Files, NoFiles};
use super::input::Input;
use super::limits::Limits;
use super::list::Written;
use super::member::{self, Member};
use super::purpose::Purpose;
use super::replay::replay;
use super::settle::{Found, settle};
use crate::oci::{DiffId, Digest, Hasher};
use crate::tree::{Entry, Kind, RootPath};

/// Reads an untrusted, uncompressed tar to its last byte, whatever stands after its end included.
///
/// What comes out is sorted and keeps the invariants of a list. Absolute names are taken from the root; names with `..`,
/// members below what is no directory, hard links to nothing, sparse files and whatever two readers could read
/// differently are refused by name.
pub fn read(tar: &mut dyn Read, limits: &Limits) -> Result<Written, Error> {
    read_with(tar, limits, &mut NoFiles)
}

/// As [`read`], for a purpose.
///
/// What is to be unpacked is what the members come to one after the other: a name with `..` stays inside, one that leads
/// through a link of the archive is one where that leads, one without a name is nothing.
pub fn read_for(purpose: Purpose, tar: &mut dyn Read, limits: &Limits) -> Result<Written, Error> {
    read_members(purpose, tar, limits, &mut NoFiles)
}

/// As [`read`], with the bytes of regular files handed to `files` as they pass.
pub fn read_with(tar: &mut dyn Read, limits: &Limits, files: &mut dyn Files) -> Result<Written, Error> {
    read_members(Purpose::Layer, tar, limits, files)
}

fn read_members(
    purpose: Purpose,
    tar: &mut dyn Read,
    limits: &Limits,
    files: &mut dyn Files,
) -> Result<Written, Error> {
    let mut input = Input::new(tar, limits.size);
    let mut found: Vec<Found> = Vec::new();
    let (mut members, mut names) = (0, 0);
    while let Some(member) = member::next(&mut input, limits)? {
        members += 1;
        if members > limits.entries {
            return Err(Error::Limit { what: "members", limit: limits.entries as u64 });
        }
        let xattrs: usize = member.xattrs.iter().map(|(name, value)| name.len() + value.len()).sum();
        names += member.name.len() + member.link.len() + xattrs;
        if names > limits.names {
            return Err(Error::Limit { what: "bytes of names", limit: limits.names as u64 });
        }
        let (offset, size) = (input.offset(), member.size);
        let mut member = entry(purpose, member, offset)?;
        match member.as_mut().map(|found| &mut found.entry) {
            Some(file) if matches!(file.kind, Kind::File { .. }) => {
                let mut hasher = Hasher::new();
                files.begin(file);
                input.content(size, &mut |bytes| {
                    hasher.update(bytes);
                    files.bytes(bytes);
                })?;
                file.kind = Kind::File { size, digest: hasher.finish() };
                files.end(file, offset);
            }
            // A mark may have content, which means nothing.
            _ => input.content(size, &mut |_| ())?,
        }
        found.extend(member);
    }
    let (digest, size) = input.finish()?;
    match purpose {
        Purpose::Layer => {}
        Purpose::Unpack => replay(&mut found)?,
    }
    Ok(Written { diff_id: DiffId(digest), size, list: settle(found)? })
}

/// What a member stands for, without the digest of its content; none for what stands for nothing.
fn entry(purpose: Purpose, member: Member, offset: u64) -> Result<Option<Found>, Error> {
    let Member { name, link, size, flag, mode, uid, gid, mtime, device: (major, minor), xattrs } = member;
    let refuse = |reason| Err(Error::Refused { path: String::from_utf8_lossy(&name).into_owned(), reason });
    match purpose {
        Purpose::Layer if name.is_empty() => return refuse("a member without a name"),
        Purpose::Layer if flag == b'0' && name.ends_with(b"/") => {
            return refuse("a regular file whose name ends in a slash");
        }
        Purpose::Layer | Purpose::Unpack => {}
    }
    let Some(path) = clean(purpose, &name) else { return refuse("its name has .. or a NUL byte in it") };
    // COMPAT: moby passes over what is called `.`, however that is written; `/` and `..` are the destination.
    if purpose == Purpose::Unpack && path.is_root() && stays(&name) {
        return Ok(None);
    }
    if path.components().any(|component| component.len() > 255) {
        return refuse("a part of its name is longer than 255 bytes");
    }
    let mark = |path, opaque| {
        if purpose == Purpose::Unpack {
            return refuse(
                "a file whose name begins with .wh. cannot be stored in a layer; rename it or leave it out",
            );
        }
        let entry = Entry { uid, gid, mode, ..Entry::whiteout(path, mtime) };
        Ok(Some(Found { entry, offset: 0, opaque, replaced: false, fresh: false }))
    };
    // SPEC: image-spec layer.md, "Whiteouts". COMPAT: aufs kept its own files under `.wh..wh.`; only the opaque mark
    // has a meaning.
    if path.components().any(|component| component.starts_with(b".wh..wh.")) {
        let parent = path.parent().unwrap_or_default();
        let inside = parent.components().any(|component| component.starts_with(b".wh."));
        return if path.name() == b".wh..wh..opq" && !inside { mark(parent, true) } else { Ok(None) };
    }
    if path.components().rev().skip(1).any(|component| component.starts_with(b".wh.")) {
        return refuse("it lies below the mark of a removed file");
    }
    if let Some(removed) = path.name().strip_prefix(b".wh.") {
        if matches!(removed, b"" | b"." | b"..") {
            return refuse("the mark of a removed file without a name");
        }
        return mark(path.parent().unwrap_or_default().join(removed), false);
    }
    if path.is_root() && flag != b'5' {
        return refuse("the root is not a directory");
    }
    let kind = match flag {
        b'0' => Kind::File { size, digest: Digest::from_bytes([0; 32]) },
        b'1' => match clean(purpose, &link) {
            Some(target) => Kind::Hardlink(target),
            None => return refuse("a hard link to a name with .. or a NUL byte in it"),
        },
        b'2' if link.is_empty() || link.contains(&0) => return refuse("a symbolic link to no name"),
        b'2' => Kind::Symlink(link),
        b'3' => Kind::CharDevice { major, minor },
        b'4' => Kind::BlockDevice { major, minor },
        b'5' => Kind::Directory,
        _ => Kind::Fifo,
    };
    let mode = if matches!(kind, Kind::Symlink(_)) { 0o777 } else { mode };
    let offset = if matches!(kind, Kind::File { .. }) { offset } else { 0 };
    let entry = Entry { path, kind, mode, uid, gid, mtime, xattrs };
    Ok(Some(Found { entry, offset, opaque: false, replaced: false, fresh: false }))
}

/// Whether a name begins where it is looked up, and never steps above that.
fn stays(name: &[u8]) -> bool {
    let mut depth: usize = 0;
    let within = name.split(|b| *b == b'/').all(|component| match component {
        b"" | b"." => true,
        b".." => depth.checked_sub(1).map(|above| depth = above).is_some(),
        _ => {
            depth += 1;
            true
        }
    });
    within && !name.starts_with(b"/")
}

/// A name in an archive; none if it steps up in what is not unpacked.
fn clean(purpose: Purpose, name: &[u8]) -> Option<RootPath> {
    if purpose == Purpose::Layer && name.split(|b| *b == b'/').any(|component| component == b"..") {
        return None;
    }
    RootPath::clean(name).ok()
}

#[cfg(test)]
mod tests;
