//! The COPY and ADD instructions.

use std::collections::{BTreeMap, VecDeque};

use super::error::Error;
use super::error_kind::ErrorKind;
use super::flag_set::Takes;
use super::heredoc::Heredoc;
use super::opening;
use super::request::Request;
use super::word::Word;

/// COPY or ADD: sources, a destination and flags. A flag that the instruction does not have is at its default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// At least one.
    pub sources: Vec<Source>,
    /// Where to.
    pub dest: Word,
    /// `COPY --from=`. COMPAT: may hold variables, which BuildKit refuses.
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

impl Transfer {
    /// Reads a COPY.
    pub(super) fn read_copy(request: &mut Request<'_>) -> Result<Transfer, Error> {
        let known = [
            ("chown", Takes::One),
            ("from", Takes::One),
            ("chmod", Takes::One),
            ("link", Takes::Bool),
            ("exclude", Takes::Many),
            ("parents", Takes::Bool),
        ];
        Transfer::read(request, &known)
    }

    /// Reads an ADD.
    pub(super) fn read_add(request: &mut Request<'_>) -> Result<Transfer, Error> {
        let known = [
            ("chown", Takes::One),
            ("chmod", Takes::One),
            ("link", Takes::Bool),
            ("keep-git-dir", Takes::Bool),
            ("checksum", Takes::One),
            ("unpack", Takes::Bool),
            ("exclude", Takes::Many),
        ];
        Transfer::read(request, &known)
    }

    fn read(request: &mut Request<'_>, known: &[(&str, Takes)]) -> Result<Transfer, Error> {
        let (words, json) = match request.json()? {
            Some(words) => (words, true),
            None => (request.blank_words().iter().map(|text| text.word()).collect(), false),
        };
        let (dest, sources) = match words.split_last() {
            Some((dest, sources)) if !sources.is_empty() => (dest.clone(), sources),
            _ => return request.fail(ErrorKind::NoDestination(request.name())),
        };
        if !json && opening::one(&dest.raw).is_some() {
            return Err(Error::new(ErrorKind::HeredocDestination(request.name())).at(dest.span));
        }
        let heredocs = std::mem::take(&mut request.heredocs);
        let sources = if json {
            sources.iter().cloned().map(Source::Path).collect()
        } else {
            placed(request.name(), sources, heredocs)?
        };
        let flags = request.flags(known)?;
        Ok(Transfer {
            sources,
            dest,
            from: flags.word("from"),
            chown: flags.word("chown"),
            chmod: flags.word("chmod"),
            link: flags.bool("link").unwrap_or(false),
            parents: flags.bool("parents").unwrap_or(false),
            exclude: flags.words("exclude"),
            checksum: flags.word("checksum"),
            keep_git_dir: flags.bool("keep-git-dir"),
            unpack: flags.bool("unpack"),
        })
    }
}

/// The words as sources, each that opens a here-document with its body.
///
/// COMPAT: where BuildKit makes an empty file of an opening without a body, and a path of a delimiter that is not one
/// word (`<< EOF`, `<<"A B"`), this refuses.
fn placed(name: &'static str, words: &[Word], heredocs: Vec<Heredoc>) -> Result<Vec<Source>, Error> {
    let mut bodies: BTreeMap<String, VecDeque<Heredoc>> = BTreeMap::new();
    for heredoc in heredocs {
        bodies.entry(heredoc.name.clone()).or_default().push_back(heredoc);
    }
    let mut sources = Vec::new();
    for word in words {
        let Some(opening) = opening::one(&word.raw) else {
            sources.push(Source::Path(word.clone()));
            continue;
        };
        match bodies.get_mut(&opening.name).and_then(VecDeque::pop_front) {
            Some(heredoc) => sources.push(Source::Heredoc(heredoc)),
            None => return Err(Error::new(ErrorKind::HeredocNotRead(opening.name)).at(word.span)),
        }
    }
    match bodies.into_values().flatten().min_by_key(|unused| unused.span.start) {
        Some(unused) => {
            let kind = ErrorKind::HeredocNotSource { instruction: name, name: unused.name };
            Err(Error::new(kind).at(unused.span))
        }
        None => Ok(sources),
    }
}
