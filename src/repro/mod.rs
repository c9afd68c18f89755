//! Whether a build gives the same image twice: what differs, what made it differ, and what to do about it.

mod cause;
mod known;
mod rules;

pub use cause::{Cause, Class, Sample, cause};
