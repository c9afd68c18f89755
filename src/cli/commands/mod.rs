//! The commands, one a file: from arguments to what is printed.

mod asked;
mod build;
mod building;
mod carry;
mod diff;
mod du;
mod images;
mod import;
mod inspect;
mod login;
mod names;
mod open;
mod prune;
mod repro;
mod run;
mod transfer;

pub use build::build;
pub use carry::{copy, load, save};
pub use diff::diff;
pub use du::du;
pub use images::images;
pub use import::import;
pub use inspect::inspect;
pub use login::{login, logout};
pub use names::{rmi, tag};
pub use prune::prune;
pub use repro::repro;
pub use run::run;
pub use transfer::{pull, push};
