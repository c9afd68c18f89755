//! Images that planning must know: what is asked, and what is answered.

use crate::graph::{ImageName, Location};
use crate::oci::{Digest, ImageConfig, Platform};

/// Which image, for which platform.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BaseKey {
    /// How it is found.
    pub name: ImageName,
    /// What an index is resolved for.
    pub platform: Platform,
}

/// A question: what is this image?
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BaseRequest {
    /// The image.
    pub key: BaseKey,
    /// The line that names it.
    pub location: Location,
    /// As the Dockerfile names it, variables filled in.
    pub written: String,
    /// The stage whose name is so near that it may have been meant: for the message when there is no such image.
    pub near: Option<String>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Base {
    /// The manifest that was chosen.
    pub manifest: Digest,
    /// Its config, which claims its layers.
    pub config: ImageConfig,
    /// The platform of what was chosen.
    pub platform: Platform,
}
