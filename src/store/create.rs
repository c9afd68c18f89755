//! Makes a store's directory, or checks that what is there is one, and ours.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::error::Error;
use super::healed::{Healed, ObjectKind};
use super::layout::{DIRECTORIES, Layout};

/// A file that is there to be removed: on a full file system not even a directory can be made, and so nothing pruned.
const BALLAST: usize = 1 << 16;

/// The format that this program writes, and the latest that it knows.
pub const FORMAT: u32 = 1;

const LINE: &str = "rbuild store, format ";

/// Tells backup programs that all of this can be made again. SPEC: bford.info/cachedir.
const CACHEDIR_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n# This is the store of rbuild.\n";

/// A store's directory.
pub struct Created {
    /// Absolute.
    pub root: PathBuf,
    /// A format file that was damaged and written anew.
    pub healed: Option<Healed>,
}

/// Makes the store at `root`, or checks the one that is there.
pub fn create(root: &Path) -> Result<Created, Error> {
    let root = std::path::absolute(root).map_err(Error::io("find", root))?;
    let private = |path: &Path| match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(Error::io("create", path)(e)),
        _ => Ok(()),
    };
    if let Some(parent) = root.parent() {
        fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
    }
    private(&root)?;
    let metadata = fs::metadata(&root).map_err(Error::io("look at", &root))?;
    let (owner, user) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if owner != user && user != 0 {
        return Err(Error::Foreign { path: root, owner, user });
    }
    let layout = Layout::new(&root);
    let healed = check_format(&layout)?;
    // Whoever made the directory before us may have left it open to others.
    if metadata.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(&root, fs::Permissions::from_mode(0o700)).map_err(Error::io("close", &root))?;
    }
    for directory in DIRECTORIES {
        private(&layout.directory(directory))?;
    }
    Ok(Created { root, healed })
}

/// Puts the ballast back, if there is room for it.
pub fn take_ballast(layout: &Layout) {
    let path = layout.ballast();
    if fs::metadata(&path).map_or(0, |m| m.len()) < BALLAST as u64 {
        // Not zeros: some file systems do not store those.
        let bytes: Vec<u8> =
            (0..BALLAST as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        if fs::write(&path, bytes).is_err() {
            let _ = fs::remove_file(&path);
        }
    }
}

/// Throws the ballast off; false if there is none.
pub fn drop_ballast(layout: &Layout) -> bool {
    fs::remove_file(layout.ballast()).is_ok()
}

fn check_format(layout: &Layout) -> Result<Option<Healed>, Error> {
    let path = layout.format();
    let reason = match fs::read(&path) {
        Ok(text) => match parse(&text) {
            Some(found) if found > FORMAT => {
                return Err(Error::NewerFormat { path: layout.root().to_path_buf(), found, known: FORMAT });
            }
            Some(_) => return Ok(None),
            None => Some(format!("it does not say {:?} and a number", LINE.trim_end())),
        },
        Err(e) if e.kind() == io::ErrorKind::NotFound => match only_ours(layout) {
            // Another process may have finished the store since the first look.
            Err(_) if path.exists() => return check_format(layout),
            checked => {
                checked?;
                None
            }
        },
        Err(e) => return Err(Error::io("read", &path)(e)),
    };
    write_whole(&layout.root().join("CACHEDIR.TAG"), CACHEDIR_TAG)?;
    write_whole(&path, &format!("{LINE}{FORMAT}\n"))?;
    Ok(reason.map(|reason| Healed { kind: ObjectKind::Format, path, reason }))
}

/// The number, if the text is whole: the line's end is part of it, so that a cut number is not taken for a smaller one.
fn parse(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.strip_prefix(LINE)?.strip_suffix('\n')?.parse().ok()
}

/// Somebody's home directory does not become a store by a mistyped option.
fn only_ours(layout: &Layout) -> Result<(), Error> {
    let root = layout.root();
    for entry in fs::read_dir(root).map_err(Error::io("list", root))? {
        let name = entry.map_err(Error::io("list", root))?.file_name();
        let name = name.to_string_lossy();
        let ours = DIRECTORIES.contains(&&*name)
            || name.starts_with(".new-")
            || ["CACHEDIR.TAG", "ballast", "usage", "lost+found"].contains(&&*name)
            || name.ends_with(".lock");
        if !ours {
            return Err(Error::NotAStore { path: root.to_path_buf() });
        }
    }
    Ok(())
}

fn write_whole(path: &Path, text: &str) -> Result<(), Error> {
    let mut random = [0; 8];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())
        .map_err(|e| Error::io("write", path)(e.into()))?;
    let temp = path.with_file_name(format!(".new-{:016x}", u64::from_le_bytes(random)));
    let written =
        fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temp).and_then(|mut file| {
            io::Write::write_all(&mut file, text.as_bytes())?;
            fs::rename(&temp, path)
        });
    written.map_err(|e| {
        let _ = fs::remove_file(&temp);
        Error::io("write", path)(e)
    })
}

/// LIMIT: a tenth of the file system, at least 2 GB and at most 50 GB.
pub fn default_size_limit(root: &Path) -> Result<u64, Error> {
    let fs = rustix::fs::statvfs(root).map_err(|e| Error::io("look at", root)(e.into()))?;
    Ok((fs.f_blocks.saturating_mul(fs.f_frsize) / 10).clamp(2_000_000_000, 50_000_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_closed_to_others_and_says_its_format() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("a/b");
        create(&root).unwrap();
        assert_eq!(fs::metadata(&root).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(root.join("format")).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(root.join("format")).unwrap(), "rbuild store, format 1\n");
        fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
        create(&root).unwrap();
        assert_eq!(fs::metadata(&root).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_later_format_is_refused_and_a_damaged_format_file_is_healed() {
        let dir = tempfile::tempdir().unwrap();
        let format = dir.path().join("format");
        create(dir.path()).unwrap();
        fs::write(&format, "rbuild store, format 2\n").unwrap();
        assert!(matches!(create(dir.path()), Err(Error::NewerFormat { found: 2, .. })));
        for damaged in ["", "rbuild store, format 1", "rbuild stpre, format 1\n"] {
            fs::write(&format, damaged).unwrap();
            assert!(create(dir.path()).unwrap().healed.is_some());
            assert!(create(dir.path()).unwrap().healed.is_none());
        }
    }

    #[test]
    fn a_directory_with_other_things_in_it_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("thesis.tex"), "").unwrap();
        assert!(matches!(create(dir.path()), Err(Error::NotAStore { .. })));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
