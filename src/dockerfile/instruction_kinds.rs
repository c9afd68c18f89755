//! From a cut instruction to what it says: the one table of readers.

use super::command::Command;
use super::directive;
use super::error::Error;
use super::error_kind::ErrorKind;
use super::from::From;
use super::head::Head;
use super::healthcheck::Healthcheck;
use super::instruction::{Instruction, Kind, OnBuild};
use super::keyword::Keyword;
use super::pairs::{ArgDecl, Pairs};
use super::request::Request;
use super::run::Run;
use super::transfer::Transfer;
use super::warning::Warning;
use super::word::Word;

/// Reads one instruction; its warnings come too.
pub(super) fn read(mut request: Request<'_>) -> Result<(Instruction, Vec<Warning>), Error> {
    let check = request.comments.iter().find_map(directive::check_comment);
    let kind = kind(&mut request)?;
    let Request { head, comments, span, warnings, .. } = request;
    let instruction = Instruction {
        span,
        keyword: head.typed,
        flags: head.flags,
        original: head.line.str().to_owned(),
        kind,
        comments: comments.iter().map(|comment| comment.value.clone()).collect(),
        check,
    };
    Ok((instruction, warnings))
}

fn kind(request: &mut Request<'_>) -> Result<Kind, Error> {
    Ok(match request.head.keyword {
        Keyword::From => Kind::From(From::read(request)?),
        Keyword::Arg => Kind::Arg(ArgDecl::read(request)?),
        Keyword::Env => Kind::Env(Pairs::read(request)?),
        Keyword::Label => Kind::Label(Pairs::read(request)?),
        Keyword::Run => Kind::Run(Run::read(request)?),
        Keyword::Copy => Kind::Copy(Transfer::read_copy(request)?),
        Keyword::Add => Kind::Add(Transfer::read_add(request)?),
        Keyword::OnBuild => Kind::OnBuild(on_build(request)?),
        Keyword::Healthcheck => Kind::Healthcheck(Healthcheck::read(request)?),
        keyword => {
            request.flags(&[])?;
            match keyword {
                Keyword::Workdir => Kind::Workdir(request.only_word()?),
                Keyword::User => Kind::User(request.only_word()?),
                Keyword::StopSignal => Kind::StopSignal(request.only_word()?),
                Keyword::Cmd => Kind::Cmd(request.command()?),
                Keyword::Entrypoint => Kind::Entrypoint(request.command()?),
                Keyword::Shell => Kind::Shell(shell(request)?),
                Keyword::Expose => Kind::Expose(expose(request)?),
                Keyword::Volume => Kind::Volume(volume(request)?),
                _ => Kind::Maintainer(maintainer(request)?),
            }
        }
    })
}

fn shell(request: &mut Request<'_>) -> Result<Vec<String>, Error> {
    if request.rest().str().is_empty() {
        return request.fail(ErrorKind::AtLeastOneArgument("SHELL"));
    }
    match request.command()? {
        Command::Exec(words) if words.is_empty() => request.fail(ErrorKind::AtLeastOneArgument("SHELL")),
        Command::Exec(words) => Ok(words),
        Command::Shell(_) => Err(Error::new(ErrorKind::NotJson("SHELL"))
            .at(request.rest().span())
            .hint("write it as a JSON array: SHELL [\"/bin/bash\", \"-c\"]")),
    }
}

fn expose(request: &Request<'_>) -> Result<Vec<Word>, Error> {
    let words: Vec<Word> = request.blank_words().iter().map(|text| text.word()).collect();
    if words.is_empty() { request.fail(ErrorKind::AtLeastOneArgument("EXPOSE")) } else { Ok(words) }
}

fn volume(request: &mut Request<'_>) -> Result<Vec<Word>, Error> {
    let mut words = match request.json()? {
        Some(words) => words,
        None => request.blank_words().iter().map(|text| text.word()).collect(),
    };
    if words.is_empty() {
        return request.fail(ErrorKind::AtLeastOneArgument("VOLUME"));
    }
    for word in &mut words {
        word.raw = word.raw.trim().to_owned();
        if word.raw.is_empty() {
            return Err(Error::new(ErrorKind::EmptyVolume).at(word.span));
        }
    }
    Ok(words)
}

fn maintainer(request: &mut Request<'_>) -> Result<String, Error> {
    let word = request.only_word()?;
    let message = "Maintainer instruction is deprecated in favor of using label";
    request.warn("MaintainerDeprecated", message, request.span);
    Ok(word.raw)
}

/// An ONBUILD, its trigger read as an instruction of its own. Warnings of the trigger are for the build that it acts in.
fn on_build(request: &mut Request<'_>) -> Result<OnBuild, Error> {
    if request.rest().str().is_empty() {
        return request.fail(ErrorKind::AtLeastOneArgument("ONBUILD"));
    }
    request.flags(&[])?;
    let head = Head::cut(request.rest(), request.escape)?;
    match head.keyword {
        Keyword::OnBuild => return Err(Error::new(ErrorKind::ChainedOnBuild).at(head.typed.span)),
        keyword @ (Keyword::From | Keyword::Maintainer) => {
            return Err(Error::new(ErrorKind::ForbiddenTrigger(keyword.name())).at(head.typed.span));
        }
        _ => {}
    }
    // COMPAT: the text is the line behind the keyword, flags, trailing spaces and all; a body ends with its delimiter.
    let line = request.head.line.str().trim_start();
    let mut trigger = line.get(Keyword::OnBuild.name().len()..).unwrap_or_default().trim_start().to_owned();
    for heredoc in &request.heredocs {
        trigger.push('\n');
        trigger.push_str(&heredoc.body);
        trigger.push_str(&heredoc.name);
    }
    let inner = Request {
        head,
        heredocs: std::mem::take(&mut request.heredocs),
        comments: &[],
        span: request.span,
        escape: request.escape,
        warnings: Vec::new(),
    };
    let (instruction, _) = read(inner)?;
    Ok(OnBuild { trigger, instruction: Box::new(instruction) })
}
