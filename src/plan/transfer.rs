//! COPY and ADD.

use super::error::{Error, ErrorKind};
use super::label::capitals;
use super::outcome::Copied;
use super::paths;
use super::remote::parse_remote;
use super::remote_flags::RemoteFlags;
use super::state::State;
use super::stop::Stop;
use crate::dockerfile::{self, Source, Transfer, Word, expand_heredoc};
use crate::graph::{Chmod, Copy, CopySource, Input, Op, Remote, Unpack, without_password};

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
    let flags = RemoteFlags { checksum: checksum.as_deref(), keep_git_dir: parts.keep_git_dir };
    let sources = read_sources(state, verb, &paths, &flags)?;
    let from = match (&parts.from, sources.iter().all(Option::is_some)) {
        (Some(from), _) if !from.raw.is_empty() => read_from(state, from)?,
        (_, true) => Input::Scratch,
        (_, false) if state.site.request.has_context => {
            note_copied(state, verb, &paths, &sources);
            state.draft.context(None)
        }
        (_, false) => {
            let error = state.error(ErrorKind::NoContext(verb.name().to_string()));
            return Err(error.hint("give a directory as the last argument of the command").into());
        }
    };

    let text = dockerfile::Word { raw: code.to_string(), span: parts.dest.span };
    let shown = dockerfile::expand(&text, state.site.request.dockerfile.escape, &state.scope);
    let mut shown = shown.map_or(text.raw, |expanded| expanded.text);
    // Each replacement walks through the whole text: only where there is something to hide.
    for path in &paths {
        let plain = without_password(path);
        if plain != *path {
            shown = shown.replace(path.as_str(), &plain);
        }
    }
    let label = state.label(capitals(&shown));

    let mut history = verb.name().to_string();
    history += if parts.parents { " --parents" } else { "" };
    history += &owner.as_ref().map(|owner| format!(" --chown={owner}")).unwrap_or_default();
    history += &chmod.as_ref().map(|chmod| format!(" --chmod={chmod}")).unwrap_or_default();
    paths.iter().for_each(|path| history += &format!(" {}", without_password(path)));
    files.iter().for_each(|(name, _)| history += &format!(" <<{name}"));
    history += &format!(" {dest} # buildkit");

    let absolute = if parts.parents { paths::with_pivot } else { paths::clean };
    let mut copied = Vec::new();
    for (path, remote) in paths.iter().zip(sources) {
        copied.push(match remote {
            None => CopySource::Path(absolute(path)),
            Some(remote) => {
                let path = match &remote {
                    Remote::Url(url) => format!("/{}", url.name),
                    Remote::Git(_) => "/".to_string(),
                };
                CopySource::Remote { input: state.draft.remote(remote), path }
            }
        });
    }
    // COMPAT: here-documents come after all paths, whatever their order in the line.
    let inline = files.into_iter().map(|(name, content)| CopySource::Inline { name, content });
    let unpack = match (verb, parts.unpack) {
        (Verb::Copy, _) | (Verb::Add, Some(false)) => Unpack::Never,
        (Verb::Add, Some(true)) => Unpack::Always,
        (Verb::Add, None) => Unpack::Local,
    };
    let copy = Copy {
        from,
        sources: copied.into_iter().chain(inline).collect(),
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

/// Notes what is read from the build context, for its ignore file to be asked.
fn note_copied(state: &mut State<'_, '_>, verb: Verb, paths: &[String], sources: &[Option<Remote>]) {
    if !state.site.checks.allows("CopyIgnoredFile", state.check) {
        return;
    }
    let verb = if verb == Verb::Copy { "Copy" } else { "Add" };
    for (path, _) in paths.iter().zip(sources).filter(|(_, source)| source.is_none()) {
        state.draft.copied.push(Copied { verb, path: path.clone(), location: state.location });
    }
}

fn bad_chmod(state: &State<'_, '_>, problem: String) -> Error {
    state.error(ErrorKind::BadChmod(problem))
}

/// What the sources are: paths of a context, or what is fetched.
fn read_sources(
    state: &State<'_, '_>,
    verb: Verb,
    paths: &[String],
    flags: &RemoteFlags<'_>,
) -> Result<Vec<Option<Remote>>, Error> {
    let bad = |problem: String| state.error(ErrorKind::BadRemote(problem));
    let mut sources =
        paths.iter().map(|path| parse_remote(path)).collect::<Result<Vec<_>, _>>().map_err(bad)?;
    if flags.checksum.is_some() {
        match &sources[..] {
            [Some(_)] => {}
            [_] => return Err(state.error(ErrorKind::ChecksumOfLocal)),
            _ => return Err(state.error(ErrorKind::ChecksumOfMany)),
        }
    }
    for remote in sources.iter_mut().flatten() {
        let copied = match remote {
            Remote::Url(_) => ErrorKind::CopyUrl,
            Remote::Git(_) => ErrorKind::CopyGit,
        };
        if verb == Verb::Copy {
            return Err(state.error(copied).hint("COPY reads files of a context, a stage or an image"));
        }
        flags.apply(remote).map_err(|kind| state.error(kind))?;
    }
    Ok(sources)
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
