//! Dockerfile text to a syntax tree in which every node knows its span.
//!
//! In goes text ([`decode`] makes it of bytes), out comes a [`Dockerfile`]: instructions with their flags and words as
//! they were typed, checked as far as they can be without values. Words become text with [`expand()`], mounts with
//! [`parse_mount`], the triggers of a base image with [`parse_trigger`], RUN's text with [`ShellText::script`].
//!
//! **Not here**: stages, variables and what instructions mean (`plan`), build checks beyond what the parser cannot help
//! noticing (`check`).
//!
//! SPEC: BuildKit's Dockerfile frontend 1.26, its reference and, where they differ, its behaviour.

mod broken_json;
mod casing;
mod command;
mod csv;
mod device;
mod directive;
mod duration;
mod environment;
mod error;
mod error_kind;
mod expand;
mod file;
mod flag;
mod flag_set;
mod flags;
mod from;
mod head;
mod healthcheck;
mod heredoc;
mod instruction;
mod instruction_kinds;
mod json;
mod keyword;
mod lexer;
mod lines;
mod logical;
mod mount;
mod mount_fields;
mod mount_options;
mod opening;
mod pairs;
mod parse;
mod pattern;
mod reader;
mod request;
mod run;
mod size;
mod span;
mod suggest;
mod transfer;
mod warning;
mod word;
mod words;

pub use self::command::{Command, Script, ShellText};
pub use self::device::Device;
pub use self::environment::{Env, NoEnv};
pub use self::error::Error;
pub use self::error_kind::{ErrorKind, MountProblem, WordProblem};
pub use self::expand::{Expanded, expand, expand_for_display, expand_heredoc, expand_words};
pub use self::file::{Directives, Dockerfile};
pub use self::flag::Flag;
pub use self::from::From;
pub use self::healthcheck::{Check, Healthcheck};
pub use self::heredoc::Heredoc;
pub use self::instruction::{Instruction, Kind, OnBuild};
pub use self::lines::Lines;
pub use self::mount::{Bind, Cache, Mount, Secret, Sharing, Ssh, Tmpfs};
pub use self::mount_fields::mount_from;
pub use self::mount_options::parse_mount;
pub use self::pairs::{ArgDecl, Pair, Pairs};
pub use self::parse::{decode, parse, parse_trigger};
pub use self::run::{Network, Run, Security};
pub use self::span::{Span, Spanned};
pub use self::suggest::near;
pub use self::transfer::{Source, Transfer};
pub use self::warning::Warning;
pub use self::word::Word;
