//! From a commit to entries and bytes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;

use super::access::GitAccess;
use super::keep::Kept;
use super::objects::{Listed, ListedKind, Objects};
use super::resolve::Resolved;
use super::tool::{PROTOCOLS, Tool};
use crate::oci::Hasher;
use crate::source::archive::Content;
use crate::source::error::Error;
use crate::tree::{Entry, Kind, RootPath, Time};

/// LIMIT: of a symbolic link's text: Linux's for a path.
const LONGEST_LINK: u64 = 4096;

/// LIMIT: repositories in repositories.
const DEEPEST: usize = 16;

/// Which files of which commit.
#[derive(Clone, Debug)]
pub struct GitQuery {
    /// Where the repository is, user info included.
    pub repository: String,
    /// A branch, a tag, a commit; none for the default branch.
    pub reference: Option<String>,
    /// Relative and clean; empty for all.
    pub subdirectory: String,
    /// What the name of the commit or tag must begin with.
    pub checksum: Option<String>,
    /// Whether `checksum` is the commit, whatever the reference says.
    pub by_commit: bool,
    /// Whether there is to be a `.git`.
    pub keep_git_dir: bool,
    /// Whether repositories in the repository come along.
    pub submodules: bool,
}

/// The files of a commit: sorted entries, and a file that holds all their bytes.
pub struct GitTree {
    /// Sorted, parents before what they hold, without the root.
    pub entries: Vec<Entry>,
    /// The commit's time, in seconds since 1970.
    pub commit_time: i64,
    offsets: Vec<u64>,
    spool: Arc<File>,
}

/// Finds out which commit is meant. `directory` is empty, and of no use afterwards.
pub fn resolve_git(
    query: &GitQuery,
    access: &GitAccess,
    directory: &Path,
    canceled: &dyn Fn() -> bool,
) -> Result<Resolved, Error> {
    let tool = Tool::new(access, directory, canceled)?;
    let by_commit = query.checksum.as_ref().filter(|_| query.by_commit);
    let resolved =
        tool.resolve(&query.repository, by_commit.or(query.reference.as_ref()).map(String::as_str))?;
    if let Some(checksum) = &query.checksum {
        let begins = |name: &String| name.starts_with(&checksum.to_ascii_lowercase());
        if !begins(&resolved.commit) && !resolved.tag.as_ref().is_some_and(begins) {
            return Err(Error::GitChecksum { wanted: checksum.clone(), found: resolved.commit });
        }
    }
    Ok(resolved)
}

/// Fetches the commit. `directory` is an empty one to work in, `spool` an empty file that gets the bytes. Entries get
/// `time`, or the commit's.
pub fn fetch_git(
    query: &GitQuery,
    resolved: &Resolved,
    access: &GitAccess,
    directory: &Path,
    spool: Arc<File>,
    time: Option<Time>,
    canceled: &dyn Fn() -> bool,
) -> Result<GitTree, Error> {
    let tool = Tool::new(access, directory, canceled)?;
    tool.make(&resolved.commit)?;
    tool.fetch(&query.repository, resolved)?;
    let commit_time = tool.commit_time(&resolved.commit)?;
    let mtime = time.unwrap_or(Time::from_seconds(commit_time));
    let mut collector = Collector {
        query,
        access,
        canceled,
        mtime,
        at: below(&query.subdirectory),
        out: BufWriter::with_capacity(1 << 18, &*spool),
        written: 0,
        found: BTreeMap::new(),
        known: BTreeMap::new(),
    };
    collector.commit(&tool, &query.repository, &resolved.commit, &RootPath::root(), 0)?;
    // COMPAT: as in BuildKit a part of a repository has no `.git`.
    if query.keep_git_dir && query.subdirectory.is_empty() {
        collector.kept(&tool.keep(&query.repository, resolved)?)?;
    }
    collector.out.flush().map_err(Error::read("the spooled repository"))?;
    let Collector { at, found, .. } = collector;
    let inside = |path: &RootPath| path.strip_prefix(&at).filter(|path| !path.is_root());
    let mut entries = Vec::new();
    let mut offsets = Vec::new();
    match found.get(&at) {
        Some((entry, _)) if !entry.is_directory() => {
            let reason = "is no directory, so it cannot be the subdirectory that is wanted".to_string();
            return Err(Error::GitContent { path: at.to_string(), reason });
        }
        None if !at.is_root() => {
            let reason = "is not in the repository".to_string();
            return Err(Error::GitContent { path: at.to_string(), reason });
        }
        _ => {}
    }
    for (path, (entry, offset)) in found {
        if let Some(path) = inside(&path) {
            entries.push(Entry { path, ..entry });
            offsets.push(offset);
        }
    }
    Ok(GitTree { entries, commit_time, offsets, spool: Arc::clone(&spool) })
}

/// A clean relative path below the root.
fn below(relative: &str) -> RootPath {
    let names = relative.split('/').filter(|name| !name.is_empty());
    names.fold(RootPath::root(), |path, name| path.join(name.as_bytes()))
}

struct Collector<'a> {
    query: &'a GitQuery,
    access: &'a GitAccess,
    canceled: &'a dyn Fn() -> bool,
    mtime: Time,
    at: RootPath,
    out: BufWriter<&'a File>,
    written: u64,
    found: BTreeMap<RootPath, (Entry, u64)>,
    /// Files that were read, by their object: many are there twice.
    known: BTreeMap<String, (Kind, u64)>,
}

impl Collector<'_> {
    /// Adds the files of a commit below `top`.
    fn commit(
        &mut self,
        tool: &Tool<'_>,
        repository: &str,
        commit: &str,
        top: &RootPath,
        depth: usize,
    ) -> Result<(), Error> {
        let mut objects = Objects::open(tool)?;
        let mut submodules = Vec::new();
        for Listed { path, kind, object } in tool.list(commit)? {
            let path = top.join_path(&path);
            // What holds the wanted directory is looked at, so that a link on the way is not taken for it.
            if !path.starts_with(&self.at) && !self.at.starts_with(&path) {
                continue;
            }
            if (self.canceled)() {
                return Err(Error::Canceled);
            }
            let (entry_kind, mode, offset) = match kind {
                ListedKind::Directory => (Kind::Directory, 0o755, 0),
                ListedKind::Submodule => {
                    submodules.push((path.clone(), object));
                    (Kind::Directory, 0o755, 0)
                }
                ListedKind::Symlink => (Kind::Symlink(link(&mut objects, &object, &path)?), 0o777, 0),
                ListedKind::File | ListedKind::Executable => {
                    let (file, offset) = self.file(&mut objects, object)?;
                    (file, if kind == ListedKind::Executable { 0o755 } else { 0o644 }, offset)
                }
            };
            let entry = Entry { kind: entry_kind, mode, ..Entry::directory(path.clone(), self.mtime) };
            self.found.insert(path, (entry, offset));
        }
        if submodules.is_empty() || !self.query.submodules {
            return Ok(());
        }
        let addresses = tool.submodules(commit, repository)?;
        for (path, commit) in submodules {
            let inside = path.strip_prefix(top).expect("it was joined to it");
            let inside = String::from_utf8_lossy(inside.as_bytes()).into_owned();
            let Some(address) = addresses.get(&inside).filter(|_| depth < DEEPEST) else {
                let reason = "is a submodule that .gitmodules does not explain".to_string();
                return Err(Error::GitContent { path: path.to_string(), reason });
            };
            self.submodule(tool, address, commit, &path, depth + 1)?;
        }
        Ok(())
    }

    /// Adds the files of a submodule at `path`.
    fn submodule(
        &mut self,
        above: &Tool<'_>,
        address: &str,
        commit: String,
        path: &RootPath,
        depth: usize,
    ) -> Result<(), Error> {
        if !is_remote(address) {
            let reason = format!("is a submodule with an address that is not spoken to: {address:?}");
            return Err(Error::GitContent { path: path.to_string(), reason });
        }
        let directory = above.directory().join(format!("submodule-{}", self.found.len()));
        std::fs::create_dir(&directory).map_err(Error::read(directory.display().to_string()))?;
        let access = self.access.for_submodule(address, &self.query.repository);
        let tool = Tool::new(&access, &directory, self.canceled)?;
        tool.make(&commit)?;
        tool.fetch(address, &Resolved { commit: commit.clone(), tag: None, name: None })?;
        self.commit(&tool, address, &commit, path, depth)
    }

    /// A file's bytes, in the spool.
    fn file(&mut self, objects: &mut Objects, object: String) -> Result<(Kind, u64), Error> {
        if let Some(known) = self.known.get(&object) {
            return Ok(known.clone());
        }
        let offset = self.written;
        let mut hasher = Hasher::new();
        let out = &mut self.out;
        let size = objects.blob(&object, &mut |from| copy(from, out, &mut hasher))?;
        self.written += size;
        let file = (Kind::File { size, digest: hasher.finish() }, offset);
        self.known.insert(object, file.clone());
        Ok(file)
    }

    /// Adds the `.git`.
    fn kept(&mut self, kept: &Kept) -> Result<(), Error> {
        let top = RootPath::root().join(b".git");
        self.found.insert(top.clone(), (Entry::directory(top.clone(), self.mtime), 0));
        for (path, is_directory) in &kept.paths {
            use std::os::unix::ffi::OsStrExt;
            let at = path.iter().fold(top.clone(), |at, name| at.join(name.as_bytes()));
            let mut entry = Entry::directory(at.clone(), self.mtime);
            let offset = self.written;
            if !is_directory {
                let host = kept.root.join(path);
                let read = || Error::read(host.display().to_string());
                let mut hasher = Hasher::new();
                let mut file = File::open(&host).map_err(read())?;
                let size = copy(&mut file, &mut self.out, &mut hasher).map_err(read())?;
                self.written += size;
                entry.kind = Kind::File { size, digest: hasher.finish() };
                entry.mode = 0o644;
            }
            self.found.insert(at, (entry, offset));
        }
        Ok(())
    }
}

impl GitTree {
    /// The bytes of the entry at `index`.
    pub fn content(&self, index: usize) -> Content {
        let size = match self.entries[index].kind {
            Kind::File { size, .. } => size,
            _ => 0,
        };
        Content::new(Arc::clone(&self.spool), self.offsets[index], size)
    }
}

/// The text of a symbolic link. It is never followed here; images resolve links inside themselves.
fn link(objects: &mut Objects, object: &str, path: &RootPath) -> Result<Vec<u8>, Error> {
    let mut text = Vec::new();
    let size = objects
        .blob(object, &mut |from| from.take(LONGEST_LINK + 1).read_to_end(&mut text).map(|n| n as u64));
    match size {
        Ok(1..=LONGEST_LINK) if !text.contains(&0) => Ok(text),
        Err(error) if (text.len() as u64) <= LONGEST_LINK => Err(error),
        _ => {
            let reason = "is a symbolic link to nothing that could be a path".to_string();
            Err(Error::GitContent { path: path.to_string(), reason })
        }
    }
}

fn copy(from: &mut dyn Read, out: &mut dyn Write, hasher: &mut Hasher) -> std::io::Result<u64> {
    let mut buffer = vec![0; 1 << 16];
    let mut total = 0;
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => return Ok(total),
            Ok(read) => read,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        hasher.update(&buffer[..read]);
        out.write_all(&buffer[..read])?;
        total += read as u64;
    }
}

/// Whether an address that a repository gives is one that is spoken to: CVE-2022-39253 was a submodule that read files
/// of the machine, by a path.
fn is_remote(address: &str) -> bool {
    match address.split_once("://") {
        Some((scheme, rest)) => PROTOCOLS.contains(&scheme) && !rest.is_empty() && !rest.starts_with('-'),
        None => {
            let scp = address.split_once('@').and_then(|(user, rest)| Some((user, rest.split_once(':')?.0)));
            scp.is_some_and(|(user, host)| {
                !user.starts_with(['-', '.', '/'])
                    && !user.contains(':')
                    && !host.is_empty()
                    && !host.starts_with('-')
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cve_2022_39253_a_submodule_is_never_a_path_of_this_machine() {
        for address in
            ["/etc", "../x", "file:///etc", "ext::sh -c id", "fd::1", "-u", "x@-oProxyCommand=y:z", "a:b@c:d"]
        {
            assert!(!is_remote(address), "{address}");
        }
        for address in ["https://h/a", "ssh://git@h/a", "git@h:a/b", "git://h/a"] {
            assert!(is_remote(address), "{address}");
        }
    }
}
