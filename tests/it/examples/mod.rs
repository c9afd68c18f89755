//! The projects in `examples/`, built as their users would build them, and what comes out is run.

mod edits;
mod projects;
mod yard;
