//! Whole builds by the program itself, as a person would start it, and what comes out of them.

mod image;
mod run_shell;
mod workshop;

pub use workshop::{PROGRAM, Workshop, can_run, finish, has, tools};
