//! One instruction of a Dockerfile, with everything that was read of it.

use super::command::Command;
use super::flag::Flag;
use super::from::From;
use super::healthcheck::Healthcheck;
use super::pairs::{ArgDecl, Pairs};
use super::run::Run;
use super::span::{Span, Spanned};
use super::transfer::Transfer;
use super::word::Word;

/// One Dockerfile statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// From the keyword to the end of its last line (here-documents and their terminators included), without the
    /// last line ending.
    pub span: Span,
    /// The keyword as it was typed.
    pub keyword: Spanned<String>,
    /// The flags as they were typed, in order; `kind` holds them read.
    pub flags: Vec<Flag>,
    /// The instruction's text with continuation lines joined and comments removed, without here-document bodies: what
    /// history shows, after trimming.
    pub original: String,
    /// What it says.
    pub kind: Kind,
    /// The text of the comment lines above it, without `#`; an empty comment line starts over.
    pub comments: Vec<String>,
    /// The value of a `# check=` among those comments: build-check settings for this instruction alone.
    pub check: Option<Spanned<String>>,
}

/// The instructions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// `FROM`.
    From(From),
    /// `ARG`.
    Arg(Vec<ArgDecl>),
    /// `ENV`.
    Env(Pairs),
    /// `LABEL`.
    Label(Pairs),
    /// `RUN`.
    Run(Run),
    /// `COPY`.
    Copy(Transfer),
    /// `ADD`.
    Add(Transfer),
    /// `WORKDIR`.
    Workdir(Word),
    /// `USER`.
    User(Word),
    /// `CMD`.
    Cmd(Command),
    /// `ENTRYPOINT`.
    Entrypoint(Command),
    /// `SHELL`: never empty.
    Shell(Vec<String>),
    /// `EXPOSE`: in the order of the text; each is expanded and then split into words.
    Expose(Vec<Word>),
    /// `VOLUME`.
    Volume(Vec<Word>),
    /// `STOPSIGNAL`.
    StopSignal(Word),
    /// `HEALTHCHECK`.
    Healthcheck(Healthcheck),
    /// `MAINTAINER`: not expanded.
    Maintainer(String),
    /// `ONBUILD`.
    OnBuild(OnBuild),
}

/// `ONBUILD instruction`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnBuild {
    /// The trigger's text as an image config keeps it, here-documents included: [`super::parse_trigger`] reads it.
    pub trigger: String,
    /// The trigger, read now so that its errors name a line of this file. Its flags and words are as strictly
    /// checked as those of any other instruction.
    pub instruction: Box<Instruction>,
}
