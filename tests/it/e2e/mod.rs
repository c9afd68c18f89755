//! Whole builds by the program itself, as a person would start it, and what comes out of them.

mod add;
mod commands;
mod copy;
mod edited;
mod errors;
mod image;
mod inputs;
mod language;
mod outputs;
mod platforms;
mod platforms_kept;
mod registry;
mod run_mounts;
mod run_shell;
mod stages;
mod terminal;
mod workshop;

pub use image::Image;
pub use workshop::{PROGRAM, Said, Workshop, busybox, can_run, entry, finish, noise, root_around, tools};
