//! Where links lead that a build reads through.
//!
//! COPY follows a link that it names, so what the link leads to is wanted too, wherever in the context it is.

use rustix::fs::{OFlags, readlinkat};
use rustix::io::Errno;

use super::error::Error;
use super::local::Local;
use super::walk::{Directory, Goal, Rest, What};
use super::wanted::{Component, Wanted};
use crate::tree::RootPath;

/// LIMIT: as the resolver of images.
const MOST: usize = 255;

/// What else is wanted because of the links that a walk met.
pub(super) fn onward(local: &Local, goal: Goal<'_>, root: &Directory) -> Result<Vec<Wanted>, Error> {
    let mut more = Vec::new();
    each_link(root, &RootPath::root(), &mut |above, target, rests| {
        for &(wanted, depth) in rests {
            let (before, rest) = goal.wanted[wanted].components.split_at(depth);
            let known = more.len();
            match follow(local, above, target, rest, &mut more) {
                // A pattern meets what is no match of it: a circle, where the names go on.
                Err(Error::Links { .. })
                    if !rest.is_empty() && matches!(before, [.., Component::Pattern(_)]) =>
                {
                    more.truncate(known);
                }
                followed => followed?,
            }
        }
        Ok(())
    })?;
    more.sort();
    more.dedup();
    more.retain(|wanted| !goal.wanted.contains(wanted));
    Ok(more)
}

type Visit<'a> = dyn FnMut(&RootPath, &[u8], &[Rest]) -> Result<(), Error> + 'a;

fn each_link(directory: &Directory, path: &RootPath, visit: &mut Visit<'_>) -> Result<(), Error> {
    // A directory that cannot be read is reported when entries are made of it.
    let Ok(contents) = directory.contents() else { return Ok(()) };
    for (index, rests) in &contents.onward {
        if let What::Link(target) = &contents.found[*index].what {
            visit(path, target, rests)?;
        }
    }
    for found in &contents.found {
        if let What::Directory(below) = &found.what {
            each_link(below, &path.join(contents.name(found)), visit)?;
        }
    }
    Ok(())
}

/// Resolves `target` from `above` as inside a root, and wants each link on the way and `rest` below its end.
fn follow(
    local: &Local,
    above: &RootPath,
    target: &[u8],
    rest: &[Component],
    more: &mut Vec<Wanted>,
) -> Result<(), Error> {
    let mut at = if target.starts_with(b"/") { RootPath::root() } else { above.clone() };
    let mut ahead: Vec<Vec<u8>> = target.split(|b| *b == b'/').rev().map(<[u8]>::to_vec).collect();
    let mut links = 0;
    while let Some(name) = ahead.pop() {
        match name.as_slice() {
            b"" | b"." => continue,
            b".." => at = at.parent().unwrap_or_default(),
            name => {
                let next = at.join(name);
                match read_link(local, &next)
                    .map_err(|errno| Error::read(local.display(&next))(errno.into()))?
                {
                    None => at = next,
                    Some(target) => {
                        links += 1;
                        if links > MOST {
                            return Err(Error::Links { path: next });
                        }
                        if target.starts_with(b"/") {
                            at = RootPath::root();
                        }
                        ahead.extend(target.split(|b| *b == b'/').rev().map(<[u8]>::to_vec));
                        more.push(Wanted::path(&next));
                    }
                }
            }
        }
    }
    let mut wanted = Wanted::path(&at);
    wanted.components.extend_from_slice(rest);
    more.push(wanted);
    Ok(())
}

/// The text of a link; none if there is something else, or nothing.
fn read_link(local: &Local, path: &RootPath) -> Result<Option<Vec<u8>>, Errno> {
    match local.open_with(path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC) {
        // An empty path reads the link that the descriptor holds; anything else answers ENOENT or EINVAL.
        Ok(link) => match readlinkat(link, c"", Vec::new()) {
            Ok(target) => Ok(Some(target.into_bytes())),
            Err(Errno::NOENT | Errno::INVAL) => Ok(None),
            Err(errno) => Err(errno),
        },
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        Err(errno) => Err(errno),
    }
}
