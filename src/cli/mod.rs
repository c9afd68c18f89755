//! Arguments in, progress and exit code out.
//!
//! [`main`] reads the arguments and the environment (once, in `environment`), turns them into the values that `build`
//! takes, shows progress on standard error and results on standard output.
//!
//! **Not here**: what a build is.

mod args;
mod commands;
mod destinations;
mod display;
mod ending;
mod environment;
mod failure;
mod findings;
mod metadata;
mod process;
mod report;
mod say;
mod settings;
mod size;
mod stdin;

pub use process::main;
