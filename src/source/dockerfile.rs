//! The Dockerfile and the ignore file of a build.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

use super::archive::{Archive, LONGEST_TEXT};
use super::error::Error;
use super::local::Local;
use crate::tree::{Kind, Last, Patterns, RootPath, Stack};

/// A Dockerfile that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DockerfileText {
    /// The name that messages use.
    pub name: String,
    /// Where it is on the host, or in an archive; its ignore file is beside it.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What an ignore file says.
#[derive(Clone, Debug, Default)]
pub struct Ignore {
    /// The patterns; none at all if there is no such file.
    pub patterns: Patterns,
    /// The file that was read.
    pub file: Option<String>,
}

/// The usual names, in the order in which they are tried.
const NAMES: [&str; 3] = ["Dockerfile", "dockerfile", "Containerfile"];
const IGNORE: &str = ".dockerignore";

/// Reads a build's Dockerfile: `file` as `-f` names it (from the working directory, else from the context; it may lie
/// outside the context), or the first of Dockerfile, dockerfile and Containerfile in the context.
pub fn read_dockerfile(context: Option<&Local>, file: Option<&Path>) -> Result<DockerfileText, Error> {
    let Some(file) = file else {
        return default_dockerfile(context);
    };
    let mut path = file.to_path_buf();
    let mut found = open(&path);
    if let (Err(error), Some(context)) = (&found, context)
        && error.kind() == io::ErrorKind::NotFound
        && file.is_relative()
    {
        let inside = context.path().join(file);
        if let Ok(file) = open(&inside) {
            (path, found) = (inside, Ok(file));
        }
    }
    let name = file.display().to_string();
    let mut found = found.map_err(Error::read(name.clone()))?;
    let bytes = limited(&mut found, &name)?;
    Ok(DockerfileText { name, path, bytes })
}

fn default_dockerfile(context: Option<&Local>) -> Result<DockerfileText, Error> {
    let tried = NAMES.join(", ");
    let Some(context) = context else {
        return Err(Error::NoDockerfile { tried, context: "an empty context".to_string() });
    };
    for name in NAMES {
        if let Some(mut file) = in_context(context, name)? {
            let bytes = limited(&mut file, name)?;
            return Ok(DockerfileText { name: name.to_string(), path: context.path().join(name), bytes });
        }
    }
    Err(Error::NoDockerfile { tried, context: context.path().display().to_string() })
}

/// Reads `NAME.dockerignore` beside the Dockerfile, or else `.dockerignore` in the context.
pub fn read_ignore(context: &Local, dockerfile: Option<&Path>) -> Result<Ignore, Error> {
    if let Some(beside) = dockerfile.and_then(beside) {
        match open(&beside) {
            Ok(mut file) => {
                return parsed(
                    &limited(&mut file, &beside.display().to_string())?,
                    &beside.display().to_string(),
                );
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            Err(error) => return Err(Error::read(beside.display().to_string())(error)),
        }
    }
    match in_context(context, IGNORE)? {
        Some(mut file) => parsed(&limited(&mut file, IGNORE)?, IGNORE),
        None => Ok(Ignore::default()),
    }
}

/// Reads the Dockerfile of a context that is an archive; `file` is a path in it.
pub fn read_archive_dockerfile(archive: &Archive, file: Option<&Path>) -> Result<DockerfileText, Error> {
    let names: Vec<&Path> = file.map_or_else(|| NAMES.iter().map(Path::new).collect(), |file| vec![file]);
    for path in &names {
        if let Some(bytes) = member(archive, path.as_os_str())? {
            let name = path.display().to_string();
            return Ok(DockerfileText { name, path: path.to_path_buf(), bytes });
        }
    }
    let tried = names.iter().map(|name| name.display().to_string()).collect::<Vec<_>>().join(", ");
    Err(Error::NoDockerfile { tried, context: archive.name.to_string() })
}

/// Reads the ignore file of a context that is an archive.
pub fn read_archive_ignore(archive: &Archive, dockerfile: Option<&Path>) -> Result<Ignore, Error> {
    for path in dockerfile.and_then(beside).into_iter().chain([PathBuf::from(IGNORE)]) {
        if let Some(bytes) = member(archive, path.as_os_str())? {
            return parsed(&bytes, &path.display().to_string());
        }
    }
    Ok(Ignore::default())
}

/// Opens a file as the user names it. A pipe is fine (`-f <(generate)`).
fn open(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    match file.metadata()?.is_dir() {
        true => Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory")),
        false => Ok(file),
    }
}

/// Opens a file at the top of a context, through links that stay in the context.
fn in_context(context: &Local, name: &str) -> Result<Option<File>, Error> {
    let root = RootPath::root().join(name);
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let text = |reason: &str| Error::Text { path: context.display(&root), reason: reason.to_string() };
    let opened = loop {
        match openat2(&**context.directory(), name, flags, Mode::empty(), resolve) {
            // Something was renamed somewhere while `..` in a link was followed.
            Err(rustix::io::Errno::AGAIN) => {}
            opened => break opened,
        }
    };
    let file = match opened {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT) => {
            return match context.open_with(&root, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC) {
                Ok(_) => {
                    Err(text("it is a link that leads nowhere inside the context; name the file with -f"))
                }
                Err(_) => Ok(None),
            };
        }
        // A filter of system calls may not know openat2: then links are not followed.
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => match context.open_file(&root) {
            Ok(file) => file,
            Err(Error::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        },
        Err(errno) => return Err(Error::read(context.display(&root))(errno.into())),
    };
    let metadata = file.metadata().map_err(Error::read(context.display(&root)))?;
    if metadata.is_file() { Ok(Some(file)) } else { Err(text("it is not a regular file")) }
}

fn limited(file: &mut File, name: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    file.take(LONGEST_TEXT + 1).read_to_end(&mut bytes).map_err(Error::read(name))?;
    if bytes.len() as u64 > LONGEST_TEXT {
        return Err(Error::Text {
            path: name.to_string(),
            reason: format!("it has more than {LONGEST_TEXT} bytes"),
        });
    }
    Ok(bytes)
}

fn member(archive: &Archive, path: &OsStr) -> Result<Option<Vec<u8>>, Error> {
    let name = path.display().to_string();
    let text = |reason: String| Error::Text { path: format!("{name} in {}", archive.name), reason };
    let stack = Stack::new(vec![archive.list.entries.clone()]);
    let clean = RootPath::clean(path.as_encoded_bytes()).map_err(|error| text(error.to_string()))?;
    // Links stay inside the archive.
    let resolved = stack.resolve(&clean, Last::Follow).map_err(|error| text(error.to_string()))?;
    let Some(node) = stack.get(&resolved) else { return Ok(None) };
    match (node.entry.kind, node.place) {
        (Kind::File { size, .. }, Some(place)) if size <= LONGEST_TEXT => {
            let mut bytes = Vec::new();
            archive.content(place.index).read_to_end(&mut bytes).map_err(Error::read(&*archive.name))?;
            Ok(Some(bytes))
        }
        (Kind::File { .. }, _) => Err(text(format!("it has more than {LONGEST_TEXT} bytes"))),
        _ => Err(text("it is not a regular file".to_string())),
    }
}

fn beside(dockerfile: &Path) -> Option<PathBuf> {
    let mut name = OsString::from(dockerfile.file_name()?);
    name.push(IGNORE);
    Some(dockerfile.with_file_name(name))
}

fn parsed(bytes: &[u8], path: &str) -> Result<Ignore, Error> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Error::Text { path: path.to_string(), reason: "it is not UTF-8".to_string() })?;
    let patterns =
        Patterns::parse(text).map_err(|source| Error::Ignore { path: path.to_string(), source })?;
    Ok(Ignore { patterns, file: Some(path.to_string()) })
}
