//! What BuildKit's frontend and solver make of a Dockerfile, fact by fact, as whole builds.

mod add;
mod case;
mod checks;
mod config;
mod copy;
mod copy_filters;
mod ignore;
mod real;
mod run;
mod workdir;
