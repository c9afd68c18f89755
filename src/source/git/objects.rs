//! Objects of a fetched repository: the list of a tree, and the bytes of files.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout};

use super::resolve::is_object;
use super::tool::Tool;
use crate::source::error::Error;
use crate::tree::RootPath;

/// One line of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub path: RootPath,
    pub kind: ListedKind,
    pub object: String,
}

/// What git knows of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListedKind {
    File,
    Executable,
    Symlink,
    Directory,
    Submodule,
}

impl Tool<'_> {
    /// All that a commit has, directories included.
    pub fn list(&self, commit: &str) -> Result<Vec<Listed>, Error> {
        let answer = self.run(&["ls-tree", "-r", "-t", "-z", "--full-tree", "--end-of-options", commit])?;
        let records = answer.split(|byte| *byte == 0).filter(|record| !record.is_empty());
        records.map(listed).collect()
    }

    /// The commit's time, in seconds since 1970, and what it is called.
    pub fn commit_time(&self, commit: &str) -> Result<i64, Error> {
        let text = self.run(&["cat-file", "commit", commit])?;
        commit_time(&text).ok_or_else(|| Error::GitContent {
            path: commit.to_string(),
            reason: "is a commit without a time".to_string(),
        })
    }
}

/// The committer's time in the text of a commit.
pub(super) fn commit_time(text: &[u8]) -> Option<i64> {
    let text = String::from_utf8_lossy(text);
    let line =
        text.lines().take_while(|line| !line.is_empty()).find_map(|line| line.strip_prefix("committer "))?;
    line.rsplit(' ').nth(1)?.parse().ok()
}

/// CVE-2021-21300, CVE-2024-32002 and their like: a path that a file system could take for another, or for git's own
/// directory, is refused before it becomes an entry.
fn listed(record: &[u8]) -> Result<Listed, Error> {
    let refuse = |reason: &str| Error::GitContent {
        path: String::from_utf8_lossy(record).escape_debug().to_string(),
        reason: reason.to_string(),
    };
    let tab = record.iter().position(|byte| *byte == b'\t').ok_or_else(|| refuse("is no line of a tree"))?;
    let (head, path) = (&record[..tab], &record[tab + 1..]);
    let head = std::str::from_utf8(head).map_err(|_| refuse("is no line of a tree"))?;
    let words: Vec<&str> = head.split(' ').collect();
    let [mode, kind, object] = words[..] else { return Err(refuse("is no line of a tree")) };
    if !is_object(object) {
        return Err(refuse("is no line of a tree"));
    }
    let kind = match (mode, kind) {
        ("040000", "tree") => ListedKind::Directory,
        ("120000", "blob") => ListedKind::Symlink,
        ("100755", "blob") => ListedKind::Executable,
        ("100644" | "100664", "blob") => ListedKind::File,
        ("160000", "commit") => ListedKind::Submodule,
        _ => return Err(refuse("has a mode that no file has")),
    };
    let mut at = RootPath::root();
    for name in path.split(|byte| *byte == b'/') {
        if name.is_empty() || name == b"." || name == b".." || name.eq_ignore_ascii_case(b".git") {
            return Err(refuse("has a name that no file of a repository may have"));
        }
        if name.starts_with(b".wh.") {
            return Err(refuse("has a name that begins with .wh., which would remove files in an image"));
        }
        at = at.join(name);
    }
    Ok(Listed { path: at, kind, object: object.to_string() })
}

/// A conversation about objects: one is asked for, one is answered.
pub(super) struct Objects {
    child: Child,
    ask: ChildStdin,
    answer: BufReader<ChildStdout>,
}

impl Objects {
    pub fn open(tool: &Tool<'_>) -> Result<Objects, Error> {
        let mut child = tool.talk(&["cat-file", "--batch"])?;
        let ask = child.stdin.take().expect("it was asked for");
        let answer = BufReader::with_capacity(1 << 17, child.stdout.take().expect("it was asked for"));
        Ok(Objects { child, ask, answer })
    }

    /// Gives the bytes of a blob to `take`; returns their number.
    pub fn blob(
        &mut self,
        object: &str,
        take: &mut dyn FnMut(&mut dyn Read) -> std::io::Result<u64>,
    ) -> Result<u64, Error> {
        let broken = |reason: String| Error::GitContent { path: object.to_string(), reason };
        let io = |e: std::io::Error| broken(format!("cannot be read: {e}"));
        writeln!(self.ask, "{object}").and_then(|()| self.ask.flush()).map_err(io)?;
        let mut line = String::new();
        // LIMIT: a name, a kind and a number.
        (&mut self.answer).take(200).read_line(&mut line).map_err(io)?;
        let words: Vec<&str> = line.trim_end().split(' ').collect();
        let size: u64 = match words[..] {
            [name, "blob", size] if name == object => {
                size.parse().map_err(|_| broken("has no size".to_string()))?
            }
            _ => return Err(broken(format!("is not in what was fetched ({})", line.trim_end()))),
        };
        let mut body = (&mut self.answer).take(size);
        let taken = take(&mut body).map_err(io)?;
        let mut end = [0];
        self.answer.read_exact(&mut end).map_err(io)?;
        match taken == size && end == *b"\n" {
            true => Ok(size),
            false => Err(broken(format!("has {taken} bytes where {size} belong"))),
        }
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(head: &str, path: &str) -> Vec<u8> {
        format!("{head} {}\t{path}", "0".repeat(40)).into_bytes()
    }

    #[test]
    fn modes_come_from_the_tree() {
        let kind =
            |mode: &str, kind: &str| listed(&line(&format!("{mode} {kind}"), "a/b")).map(|l| l.kind).ok();
        assert_eq!(kind("100644", "blob"), Some(ListedKind::File));
        assert_eq!(kind("100755", "blob"), Some(ListedKind::Executable));
        assert_eq!(kind("120000", "blob"), Some(ListedKind::Symlink));
        assert_eq!(kind("160000", "commit"), Some(ListedKind::Submodule));
        assert_eq!(kind("104755", "blob"), None);
    }

    #[test]
    fn cve_2024_32002_a_path_that_could_be_another_is_refused() {
        for path in [
            "../x",
            "a/../x",
            ".git/hooks/post-checkout",
            "a/.GIT/config",
            "a//b",
            "./a",
            ".wh.a",
            "a/.wh..wh..opq",
        ] {
            assert!(listed(&line("100644 blob", path)).is_err(), "{path}");
        }
        for path in [".gitmodules", "a b", "a\tb", "a\nb", "-x", ".github/x"] {
            assert!(listed(&line("100644 blob", path)).is_ok(), "{path:?}");
        }
    }

    #[test]
    fn a_commit_has_its_committers_time() {
        let text =
            b"tree x\nauthor A <a> 5 +0000\ncommitter B C <b> 1700000000 +0200\n\ncommitter D <d> 7 +0000\n";
        assert_eq!(commit_time(text), Some(1_700_000_000));
        assert_eq!(commit_time(b"tree x\n\ncommitter D <d> 7 +0000\n"), None);
    }
}
