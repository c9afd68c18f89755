//! COPY and ADD.

use super::error::{Error, ErrorKind};
use super::label::capitals;
use super::paths;
use super::remote::Remote;
use super::state::State;
use super::stop::Stop;
use crate::dockerfile::{self, Source, Transfer, Word, expand_heredoc};
use crate::graph::{Chmod, Copy, CopySource, Input, Op, Unpack};

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// `COPY`
    Copy,
    /// `ADD`
    Add,
}

impl Verb {
    fn name(self) -> &'static str {
        match self {
            Verb::Copy => "COPY",
            Verb::Add => "ADD",
        }
    }
}

/// `COPY` or `ADD`; `code` is the instruction as it was written.
pub(super) fn transfer(
    state: &mut State<'_, '_>,
    verb: Verb,
    parts: &Transfer,
    code: &str,
) -> Result<(), Stop> {
    let owner = state.expand_flag(parts.chown.as_ref())?;
    let chmod = state.expand_flag(parts.chmod.as_ref())?;
    let checksum = state.expand_flag(parts.checksum.as_ref())?;
    let paths = expand_paths(state, &parts.sources)?;
    let dest = state.expand(&parts.dest)?;
    let files = expand_files(state, &parts.sources)?;
    let mode = match &chmod {
        Some(text) => Some(text.parse::<Chmod>().map_err(|error| bad_chmod(state, error.to_string()))?),
        None => None,
    };
    check_sources(state, verb, &paths, checksum.is_some())?;
    let from = match (&parts.from, paths.is_empty()) {
        (Some(from), _) if !from.raw.is_empty() => read_from(state, from)?,
        (_, true) => Input::Scratch,
        (_, false) if state.site.request.has_context => state.draft.context(None),
        (_, false) => {
            let error = state.error(ErrorKind::NoContext(verb.name().to_string()));
            return Err(error.hint("give a directory as the last argument of the command").into());
        }
    };

    let text = dockerfile::Word { raw: code.to_string(), span: parts.dest.span };
    let shown = dockerfile::expand(&text, state.site.request.dockerfile.escape, &state.scope);
    let label = state.label(capitals(&shown.map_or(text.raw, |expanded| expanded.text)));

    let mut history = verb.name().to_string();
    history += if parts.parents { " --parents" } else { "" };
    history += &owner.as_ref().map(|owner| format!(" --chown={owner}")).unwrap_or_default();
    history += &chmod.as_ref().map(|chmod| format!(" --chmod={chmod}")).unwrap_or_default();
    paths.iter().for_each(|path| history += &format!(" {path}"));
    files.iter().for_each(|(name, _)| history += &format!(" <<{name}"));
    history += &format!(" {dest} # buildkit");

    let absolute = if parts.parents { paths::with_pivot } else { paths::clean };
    let path = |path: &String| CopySource::Path(absolute(path));
    // COMPAT: here-documents come after all paths, whatever their order in the line.
    let inline = files.into_iter().map(|(name, content)| CopySource::Inline { name, content });
    let unpack = match (verb, parts.unpack) {
        (Verb::Copy, _) | (Verb::Add, Some(false)) => Unpack::Never,
        (Verb::Add, _) => Unpack::Archives,
    };
    let copy = Copy {
        from,
        sources: paths.iter().map(path).chain(inline).collect(),
        destination: paths::destination(&state.directory(), &dest),
        owner,
        mode,
        link: parts.link,
        parents: parts.parents,
        exclude: parts.exclude.iter().map(|word| word.raw.clone()).collect(),
        unpack,
        epoch: state.site.arguments.epochs.layer,
    };
    state.push(Op::Copy(Box::new(copy)), label);
    state.commit(history, true);
    Ok(())
}

fn expand_paths(state: &mut State<'_, '_>, sources: &[Source]) -> Result<Vec<String>, Error> {
    let mut paths = Vec::new();
    for source in sources {
        if let Source::Path(word) = source {
            paths.push(state.expand(word)?);
        }
    }
    Ok(paths)
}

/// Here-documents: name and content.
fn expand_files(state: &mut State<'_, '_>, sources: &[Source]) -> Result<Vec<(String, String)>, Error> {
    let mut files = Vec::new();
    for source in sources {
        if let Source::Heredoc(heredoc) = source {
            let content = expand_heredoc(heredoc, &state.scope).map_err(|error| state.wrong_word(error))?;
            files.push((heredoc.name.clone(), state.take(content)?));
        }
    }
    Ok(files)
}

fn bad_chmod(state: &State<'_, '_>, problem: String) -> Error {
    state.error(ErrorKind::BadChmod(problem))
}

/// Refuses sources that are not files of a context.
fn check_sources(
    state: &State<'_, '_>,
    verb: Verb,
    paths: &[String],
    has_checksum: bool,
) -> Result<(), Error> {
    if has_checksum {
        match paths {
            [only] if Remote::of(only).is_some() => {}
            [_] => return Err(state.error(ErrorKind::ChecksumOfLocal)),
            _ => return Err(state.error(ErrorKind::ChecksumOfMany)),
        }
    }
    for path in paths {
        let kind = match (Remote::of(path), verb) {
            (None, _) => continue,
            (Some(Remote::Url), Verb::Copy) => ErrorKind::CopyUrl,
            (Some(Remote::Git), Verb::Copy) => ErrorKind::CopyGit,
            (Some(Remote::Url), Verb::Add) => ErrorKind::AddUrl(path.clone()),
            (Some(Remote::Git), Verb::Add) => ErrorKind::AddGit(path.clone()),
        };
        let hint = match verb {
            Verb::Copy => "COPY reads files of a context, a stage or an image",
            Verb::Add => "fetch it in a RUN, or before the build and give it as --build-context",
        };
        return Err(state.error(kind).hint(hint));
    }
    Ok(())
}

fn read_from(state: &mut State<'_, '_>, word: &Word) -> Result<Input, Stop> {
    let from = if word.raw.contains('$') { state.expand(word)? } else { word.raw.clone() };
    if from.is_empty() {
        let error = state.error(ErrorKind::BlankBase(word.raw.clone()));
        return Err(error.hint("give each variable in it a value, with ARG or --build-arg").into());
    }
    let origin = state.site.stages.origin_for_copy(&from).map_err(|kind| state.error(kind))?;
    let stage = state.site.stages.list[state.stage].display.clone();
    state.read(&origin, &from, ErrorKind::CopyFromLater { from: from.clone(), stage })
}
