//! The COPY and ADD instructions.

use super::heredoc::Heredoc;
use super::word::Word;

/// COPY or ADD: sources, a destination and flags. A flag that the instruction does not have is at its default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// At least one.
    pub sources: Vec<Source>,
    /// Where to.
    pub dest: Word,
    /// `COPY --from=`: never expanded, and refused with a `$` in it.
    pub from: Option<Word>,
    /// `--chown=`.
    pub chown: Option<Word>,
    /// `--chmod=`.
    pub chmod: Option<Word>,
    /// `--link`.
    pub link: bool,
    /// `COPY --parents`.
    pub parents: bool,
    /// `--exclude=`, in order; not expanded.
    pub exclude: Vec<Word>,
    /// `ADD --checksum=`.
    pub checksum: Option<Word>,
    /// `ADD --keep-git-dir`, where given.
    pub keep_git_dir: Option<bool>,
    /// `ADD --unpack`, where given.
    pub unpack: Option<bool>,
}

/// One source of a COPY or ADD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A path, pattern, URL or git address.
    Path(Word),
    /// A file written in the Dockerfile.
    Heredoc(Heredoc),
}
