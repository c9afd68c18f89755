//! Dockerfile text to a syntax tree in which every node knows its span.

mod command;
mod device;
mod error;
mod error_kind;
mod file;
mod from;
mod healthcheck;
mod heredoc;
mod instruction;
mod lines;
mod mount;
mod pairs;
mod run;
mod span;
mod transfer;
mod warning;
mod word;

pub use self::command::{Command, Script, ShellText};
pub use self::device::Device;
pub use self::error::Error;
pub use self::error_kind::{ErrorKind, MountProblem, WordProblem};
pub use self::file::{Directives, Dockerfile};
pub use self::from::From;
pub use self::healthcheck::{Check, Healthcheck};
pub use self::heredoc::Heredoc;
pub use self::instruction::{Flag, Instruction, Kind, OnBuild};
pub use self::lines::Lines;
pub use self::mount::{Bind, Cache, Mount, Secret, Sharing, Ssh, Tmpfs};
pub use self::pairs::{ArgDecl, Pair, Pairs};
pub use self::run::{Network, Run, Security};
pub use self::span::{Span, Spanned};
pub use self::transfer::{Source, Transfer};
pub use self::warning::Warning;
pub use self::word::Word;
