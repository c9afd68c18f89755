//! Shows nothing: `-q`.

use super::watch::Display;
use crate::progress::Event;

/// A display that shows nothing.
pub struct Quiet;

impl Display for Quiet {
    fn event(&mut self, _: Event) {}
    fn tick(&mut self) {}
    fn finish(&mut self) {}
}
