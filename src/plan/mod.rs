//! Syntax tree, arguments and base configs to the graph and the images wanted from it.
//!
//! [`plan`] takes a [`Request`] and the [`Base`] images that are known, and either asks for more images or hands back a
//! [`Plan`]: a graph in which every path is absolute and every variable filled in, and the config of the image with its
//! whole history.
//!
//! On the way: arguments and the global scope (`arguments`), stages and what names mean (`stages`, `contexts`), which of
//! them the target reaches (`reach`), each from FROM to its last instruction (`evaluate`, `dispatch` and a file for each
//! family of instructions), the config that is left (`planner`).
//!
//! **Not here**: keys (`graph`), anything that reads a file or asks a registry (`build` does, and answers).
//!
//! SPEC: BuildKit's `dockerfile2llb`, read as the meaning of Dockerfiles; `docs/dockerfile.md` says where this differs.

mod arguments;
mod base;
mod checks;
mod commands;
mod contexts;
mod cycles;
mod dispatch;
mod draft;
mod epochs;
mod error;
mod evaluate;
mod expose;
mod from;
mod git_address;
mod go_text;
mod inherit;
mod label;
mod mounts;
mod origin;
mod outcome;
mod paths;
mod percent;
mod places;
mod planner;
mod proxies;
mod reach;
mod remote;
mod remote_flags;
mod request;
mod run;
mod scope;
mod settings;
mod site;
mod stages;
mod state;
mod stop;
mod transfer;
mod unused;
mod variables;
mod warning;
mod whole_context;
mod workdir;

pub use base::{Base, BaseKey, BaseRequest};
pub use checks::Checks;
pub use error::{Error, ErrorKind};
pub use outcome::{Copied, Outcome, Plan, Target};
pub use planner::plan;
pub use remote::{parse_remote, parse_remote_context};
pub use request::{LayerEpoch, NamedContext, NoCache, Request};
pub use warning::Warning;
