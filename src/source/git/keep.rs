//! The `.git` of a tree that is to have one: small, and the same for the same commit and the same git.
//!
//! Made anew rather than copied from what was fetched: no hook, no log, no address with a password, no time and no inode
//! in the index, and a pack that does not depend on how the server had packed.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::access::without_user_info;
use super::resolve::Resolved;
use super::tool::Tool;
use crate::source::error::Error;

/// Files and directories below `.git`, relative, in any order.
pub(super) struct Kept {
    pub root: PathBuf,
    pub paths: Vec<(PathBuf, bool)>,
}

impl Tool<'_> {
    /// Makes it, beside the fetched repository.
    pub fn keep(&self, repository: &str, resolved: &Resolved) -> Result<Kept, Error> {
        let root = self.directory().join("kept");
        let read = |path: &Path| Error::read(path.display().to_string());
        for directory in ["refs/heads", "refs/tags", "objects/info", "objects/pack", "info"] {
            let path = root.join(directory);
            fs::create_dir_all(&path).map_err(read(&path))?;
        }
        let write = |name: &str, text: &str| {
            let path = root.join(name);
            fs::write(&path, text).map_err(read(&path))
        };
        let (address, _) = without_user_info(repository);
        let sha256 = resolved.commit.len() == 64;
        let version = if sha256 { "1" } else { "0" };
        let format = if sha256 { "[extensions]\n\tobjectformat = sha256\n" } else { "" };
        write("HEAD", &format!("{}\n", resolved.commit))?;
        write(
            "config",
            &format!(
                "[core]\n\trepositoryformatversion = {version}\n\tfilemode = true\n\tbare = false\n{format}\
                 [remote \"origin\"]\n\turl = {}\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n",
                quoted(&address)
            ),
        )?;
        write("packed-refs", &packed_refs(resolved))?;
        let shallow = self.directory().join("shallow");
        if let Ok(text) = fs::read_to_string(&shallow) {
            write("shallow", &text)?;
        }
        self.pack(&root.join("objects/pack/pack"), resolved)?;
        let index = root.join("index");
        self.run_with_index(&["read-tree", "--end-of-options", &resolved.commit], &index)?;
        let mut paths = Vec::new();
        walk(&root, Path::new(""), &mut paths)?;
        Ok(Kept { root, paths })
    }

    fn pack(&self, base: &Path, resolved: &Resolved) -> Result<(), Error> {
        let base = base.display().to_string();
        let fixed = [
            "pack-objects",
            "--quiet",
            "--revs",
            "--threads=1",
            "--no-reuse-delta",
            "--no-reuse-object",
            &base,
        ];
        let mut child = self.talk(&fixed)?;
        let tips = [Some(&resolved.commit), resolved.tag.as_ref()].into_iter().flatten();
        let text: String = tips.map(|tip| format!("{tip}\n")).collect();
        let failed = |source| Error::Tool { tool: "git", source };
        let mut stdin = child.stdin.take().expect("it was asked for");
        stdin.write_all(text.as_bytes()).map_err(failed)?;
        drop(stdin);
        let output = child.wait_with_output().map_err(failed)?;
        match output.status.success() {
            true => Ok(()),
            false => Err(Error::Git {
                of: resolved.commit.clone(),
                said: "its objects cannot be packed".to_string(),
            }),
        }
    }
}

/// The references that the tree's own git knows.
fn packed_refs(resolved: &Resolved) -> String {
    let header = "# pack-refs with: peeled fully-peeled sorted \n";
    let Some(name) = &resolved.name else { return header.to_string() };
    let name = match name.strip_prefix("refs/heads/") {
        Some(branch) => format!("refs/remotes/origin/{branch}"),
        None => name.clone(),
    };
    match &resolved.tag {
        Some(tag) => format!("{header}{tag} {name}\n^{}\n", resolved.commit),
        None => format!("{header}{} {name}\n", resolved.commit),
    }
}

/// A value of a configuration file. SPEC: git-config, syntax.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn walk(root: &Path, at: &Path, paths: &mut Vec<(PathBuf, bool)>) -> Result<(), Error> {
    let directory = root.join(at);
    let read = || Error::read(directory.display().to_string());
    for entry in fs::read_dir(&directory).map_err(read())? {
        let entry = entry.map_err(read())?;
        let path = at.join(entry.file_name());
        let is_directory = entry.file_type().map_err(read())?.is_dir();
        paths.push((path.clone(), is_directory));
        if is_directory {
            walk(root, &path, paths)?;
        }
    }
    Ok(())
}
