//! Progress on standard error: plain lines, a terminal that redraws, or nothing.

mod board;
mod escape;
mod plain;
mod quiet;
mod terminal;
mod watch;

pub use escape::{escape, escape_line};
pub use plain::Plain;
pub use quiet::Quiet;
pub use terminal::Terminal;
pub use watch::{Display, Watch};
