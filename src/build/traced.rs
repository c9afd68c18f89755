//! An image with the lines that its layers come from.

use super::error::Excerpt;
use super::finish::Built;
use super::lines::ImageLines;
use super::twice::RunTwice;
use crate::dockerfile::decode;
use crate::graph::Location;
use crate::source::DockerfileText;

/// What a build knows of where its images come from.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Their layers.
    pub images: Vec<ImageLines>,
    /// What doing each RUN once more came to, if that was asked for.
    pub twice: Option<RunTwice>,
}

/// A finished build that was looked into.
#[derive(Clone, Debug)]
pub struct Traced {
    /// What was built.
    pub built: Built,
    /// Where it comes from.
    pub trace: Trace,
    pub(super) dockerfile: DockerfileText,
}

impl Traced {
    /// What messages call the Dockerfile.
    pub fn dockerfile(&self) -> &str {
        &self.dockerfile.name
    }

    /// These lines of the Dockerfile, with the text around them.
    pub fn excerpt(&self, location: Location) -> Excerpt {
        let DockerfileText { name, bytes, .. } = &self.dockerfile;
        let text = decode(bytes).unwrap_or_default().to_string();
        Excerpt { name: name.clone(), text, location }
    }
}
