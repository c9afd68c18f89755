//! Where an image goes, whatever form it gets there.

use super::error::Error;
use super::mover::Mover;
use super::origin::Origin;
use super::whole::{Blob, Whole};
use crate::image::Document;

/// Something that images can be written to. Nothing is named before [`Target::finish`].
pub(super) trait Target {
    /// Sees to it that these blobs are there.
    fn blobs(&mut self, blobs: &[Blob], from: &dyn Origin, by: &Mover<'_>) -> Result<(), Error>;

    /// Puts a manifest or index; all that it names is there already.
    fn document(&mut self, document: &Document) -> Result<(), Error>;

    /// Names the images.
    fn finish(self: Box<Self>, images: &[Whole], by: &Mover<'_>) -> Result<(), Error>;
}
