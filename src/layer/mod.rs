//! Entries to canonical tar to a compressed blob, and back from untrusted bytes, with limits.
//!
//! A layer is written entry by entry ([`Writer`]) into a tar whose bytes are a fixed function of the entries, and through
//! a [`Compressor`] whose bytes do not depend on the number of processors. It is read ([`read`]) from anybody's tar into
//! the same sorted list. Everything is `std::io`: no file is opened here.

mod blocks;
mod compression;
mod compressor;
mod decompress;
mod error;
mod files;
#[cfg(test)]
mod forge;
mod gzip;
mod header;
mod input;
mod limits;
mod list;
mod list_decoder;
mod list_encoder;
mod list_form;
mod member;
mod noise;
mod pax;
mod purpose;
mod reader;
mod replay;
mod settle;
mod visit;
mod writer;
mod zstd_frame;

pub use compression::Compression;
pub use compressor::Compressor;
pub use decompress::{Encoding, decompress, sniff};
pub use error::Error;
pub use files::{Files, NoFiles};
pub use limits::Limits;
pub use list::{LayerList, Written};
pub use list_decoder::ListDecoder;
pub use list_encoder::EncodedList;
pub use purpose::Purpose;
pub use reader::{read, read_for, read_with};
pub use visit::visit;
pub use writer::Writer;

#[cfg(test)]
mod tests;
