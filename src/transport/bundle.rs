//! The files of an image layout or of a docker archive: a directory, or a tar that is read in place.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::document::LARGEST_DOCUMENT;
use super::error::Error;
use crate::layer::{Encoding, Limits, decompress, sniff};

/// Named files.
pub(super) enum Bundle {
    Directory(PathBuf),
    Tar(Tar),
}

/// A plain tar, and where its members lie in it.
pub(super) struct Tar {
    place: String,
    file: Arc<File>,
    members: BTreeMap<String, Member>,
}

enum Member {
    File { at: u64, size: u64 },
    Link(String),
}

/// The bytes of a file, and how many there are.
pub(super) type Opened = (Box<dyn Read + Send>, u64);

/// LIMIT: an archive of images has some ten members an image.
const MOST_MEMBERS: usize = 200_000;
/// LIMIT: docker's links go one step.
const LINKS: usize = 8;

impl Bundle {
    /// What is at `path`: a directory, or a tar in any compression. What is compressed, or no file, is unpacked to a file
    /// without a name in `scratch`.
    pub fn open(path: &Path, scratch: &Path) -> Result<Bundle, Error> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let about = file.metadata().map_err(Error::io("look at", path))?;
        if about.is_dir() {
            return Ok(Bundle::Directory(path.to_path_buf()));
        }
        let place = path.display().to_string();
        let mut head = [0; 16];
        if about.is_file() {
            let count = file.read_at(&mut head, 0).map_err(Error::io("read", path))?;
            if sniff(&head[..count]) == Encoding::Plain {
                return Tar::index(place, file).map(Bundle::Tar);
            }
        }
        Bundle::stream(place, Box::new(file), scratch)
    }

    /// A tar that comes as a stream.
    pub fn stream(place: String, from: Box<dyn Read + Send + '_>, scratch: &Path) -> Result<Bundle, Error> {
        let broken = |e: io::Error| Error::form(&place, e.to_string());
        let mut plain = decompress(from, &Limits::default()).map_err(broken)?;
        let mut spool = tempfile::tempfile_in(scratch).map_err(Error::io("make a file in", scratch))?;
        // Which side failed, the kind tells: only what is written can lack room.
        io::copy(&mut plain, &mut spool).map_err(|e| match e.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Error::io("write a file in", scratch)(e)
            }
            _ => broken(e),
        })?;
        Tar::index(place, spool).map(Bundle::Tar)
    }

    /// What messages call it.
    pub fn place(&self) -> String {
        match self {
            Bundle::Directory(path) => path.display().to_string(),
            Bundle::Tar(tar) => tar.place.clone(),
        }
    }

    /// A file, with its size.
    pub fn file(&self, name: &str) -> Result<Option<Opened>, Error> {
        match self {
            Bundle::Directory(directory) => {
                let Some(name) = normal(name) else { return Ok(None) };
                let path = directory.join(name);
                let file = match File::open(&path) {
                    Ok(file) => file,
                    Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
                    Err(e) => return Err(Error::io("open", path)(e)),
                };
                let about = file.metadata().map_err(Error::io("look at", &path))?;
                match about.is_file() {
                    true => Ok(Some((Box::new(file), about.len()))),
                    false => Err(Error::form(path.display().to_string(), "is not a file")),
                }
            }
            Bundle::Tar(tar) => {
                let found = tar.find(name);
                Ok(found.map(|(at, size)| -> Opened {
                    (Box::new(Section { file: Arc::clone(&tar.file), at, end: at + size }), size)
                }))
            }
        }
    }

    /// A small file whole.
    pub fn small(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let Some((file, size)) = self.file(name)? else { return Ok(None) };
        if size > LARGEST_DOCUMENT {
            let reason = format!("{name} has {size} bytes; at most {LARGEST_DOCUMENT} are read");
            return Err(Error::form(self.place(), reason));
        }
        let mut bytes = Vec::new();
        let read = file.take(LARGEST_DOCUMENT).read_to_end(&mut bytes);
        read.map_err(|e| Error::form(self.place(), format!("{name}: {e}")))?;
        Ok(Some(bytes))
    }
}

impl Tar {
    fn index(place: String, file: File) -> Result<Tar, Error> {
        let broken = |e: io::Error| Error::form(&place, format!("no tar, or a damaged one: {e}"));
        let length = file.metadata().map_err(broken)?.len();
        let mut reader = &file;
        io::Seek::rewind(&mut reader).map_err(broken)?;
        let mut archive = tar::Archive::new(reader);
        let mut members = BTreeMap::new();
        for entry in archive.entries_with_seek().map_err(broken)? {
            let entry = entry.map_err(broken)?;
            if members.len() >= MOST_MEMBERS {
                return Err(Error::form(&place, format!("more than {MOST_MEMBERS} members")));
            }
            // What has no usable name cannot be asked for.
            let Some(name) = normal(&String::from_utf8_lossy(&entry.path_bytes())) else { continue };
            let kind = entry.header().entry_type();
            let link = entry.link_name_bytes().map(|link| String::from_utf8_lossy(&link).into_owned());
            let member = if kind.is_file() || kind == tar::EntryType::Continuous {
                let (at, size) = (entry.raw_file_position(), entry.size());
                if at.checked_add(size).is_none_or(|end| end > length) {
                    return Err(Error::form(&place, format!("cut short: {name} goes beyond its end")));
                }
                Member::File { at, size }
            } else if kind.is_symlink() {
                // SPEC: relative to where the link is.
                let directory = name.rsplit_once('/').map_or("", |(directory, _)| directory);
                match normal(&format!("{directory}/{}", link.unwrap_or_default())) {
                    Some(to) => Member::Link(to),
                    None => continue,
                }
            } else if kind.is_hard_link() {
                match normal(&link.unwrap_or_default()) {
                    Some(to) => Member::Link(to),
                    None => continue,
                }
            } else {
                continue;
            };
            members.insert(name, member);
        }
        Ok(Tar { place, file: Arc::new(file), members })
    }

    fn find(&self, name: &str) -> Option<(u64, u64)> {
        let mut name = normal(name)?;
        for _ in 0..LINKS {
            match self.members.get(&name)? {
                Member::File { at, size } => return Some((*at, *size)),
                Member::Link(to) => name.clone_from(to),
            }
        }
        None
    }
}

/// A path without `.` and `..`; none if it leads out.
fn normal(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// A stretch of a file; several can be read at once.
struct Section {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = (self.end - self.at).min(buffer.len() as u64) as usize;
        let count = self.file.read_at(&mut buffer[..wanted], self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_links_never_lead_out() {
        for (path, want) in [
            ("./a//b/./c", Some("a/b/c")),
            ("a/../b", Some("b")),
            ("../etc/passwd", None),
            ("a/../../b", None),
            ("/a", Some("a")),
            ("./", None),
        ] {
            assert_eq!(normal(path).as_deref(), want, "{path}");
        }
    }

    fn archive(build: impl FnOnce(&mut tar::Builder<&mut Vec<u8>>)) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut builder = tar::Builder::new(&mut bytes);
        build(&mut builder);
        builder.finish().unwrap();
        drop(builder);
        bytes
    }

    fn put(
        builder: &mut tar::Builder<&mut Vec<u8>>,
        name: &str,
        kind: tar::EntryType,
        link: &str,
        bytes: &[u8],
    ) {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        if !link.is_empty() {
            header.set_link_name(link).unwrap();
        }
        builder.append_data(&mut header, name, bytes).unwrap();
    }

    fn opened(bytes: &[u8]) -> Result<Bundle, Error> {
        let scratch = tempfile::tempdir().unwrap();
        Bundle::stream("it".to_string(), Box::new(io::Cursor::new(bytes.to_vec())), scratch.path())
    }

    #[test]
    fn members_are_found_through_links_and_a_circle_ends() {
        let bytes = archive(|builder| {
            put(builder, "a/layer.tar", tar::EntryType::Regular, "", b"layer");
            put(builder, "b/layer.tar", tar::EntryType::Symlink, "../a/layer.tar", b"");
            put(builder, "c", tar::EntryType::Link, "a/layer.tar", b"");
            put(builder, "x", tar::EntryType::Symlink, "y", b"");
            put(builder, "y", tar::EntryType::Symlink, "x", b"");
            put(builder, "out", tar::EntryType::Symlink, "../../etc/passwd", b"");
        });
        let bundle = opened(&bytes).unwrap();
        for name in ["a/layer.tar", "b/layer.tar", "c", "./c"] {
            assert_eq!(bundle.small(name).unwrap().as_deref(), Some(&b"layer"[..]), "{name}");
        }
        for name in ["x", "out", "nothing", "../c"] {
            assert_eq!(bundle.small(name).unwrap(), None, "{name}");
        }
    }

    #[test]
    fn an_archive_that_is_cut_short_or_no_archive_is_an_error() {
        let bytes = archive(|builder| put(builder, "a", tar::EntryType::Regular, "", &[7; 4000]));
        assert!(opened(&bytes[..1500]).is_err());
        assert!(opened(b"this is no tar at all, however long it may be").is_err());
    }
}
