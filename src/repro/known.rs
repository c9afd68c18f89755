//! What the bytes of two files say about why they differ, format by format.
//!
//! All bytes are untrusted: nothing here panics, and each step goes forward in a file or one level down into it, of which
//! there are few ([`pair::LEVELS`]).

mod ar;
mod around;
mod compressed;
mod elf;
#[cfg(test)]
pub mod forge;
mod key;
mod line;
mod members;
mod names;
mod number;
mod packages;
mod pair;
mod pieces;
mod png;
mod pyc;
mod shadow;
mod sqlite;
mod strings;
mod tar;
mod text;
mod zip;

pub use names::{has_time, looks_made_up};
pub use pair::{Around, Finding, Pair};
pub use text::first_line;

/// ORDER: what its name gives away, then what its first bytes do, then archives whose form can only be tried; what is
/// none of these is text, or bytes with some text among them.
const FORMATS: &[fn(&Pair<'_>) -> Option<Finding>] = &[
    packages::look,
    pyc::look,
    key::look,
    elf::look,
    png::look,
    sqlite::look,
    compressed::look,
    ar::look,
    zip::look,
    tar::look,
    text::look,
    strings::look,
];

/// What is found in two files that differ; none if that is nothing.
pub fn look(pair: &Pair<'_>) -> Option<Finding> {
    // No other format may quote what stands there.
    if shadow::is_one(pair) {
        return shadow::look(pair);
    }
    let differ = pair.first != pair.second;
    let found = differ.then(|| FORMATS.iter().find_map(|format| format(pair))).flatten();
    found.or_else(|| around::look(pair))
}
