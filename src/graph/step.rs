//! Steps, and the graph that they form.

use std::fmt;

use super::copy::{Copy, MakeDirectory};
use super::exec::Exec;
use super::input::{ImageId, Input, Read, StepId};
use super::remote::Remote;
use crate::oci::{DiffId, Digest, Platform, Reference};

/// All steps that a target needs, and where they begin.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Base images, and images that are read with `--from`.
    pub images: Vec<ImageSource>,
    /// Build contexts.
    pub contexts: Vec<ContextSource>,
    /// In an order to do them in.
    pub steps: Vec<Step>,
}

impl Graph {
    /// The base image at the bottom of an input; none below `FROM scratch` and of a context.
    pub fn image_below(&self, mut input: Input) -> Option<ImageId> {
        loop {
            match input {
                Input::Image(image) => return Some(image),
                Input::Step(step) => input = self.steps[step.0].base,
                Input::Scratch | Input::Context(_) => return None,
            }
        }
    }
}

/// How an image is found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ImageName {
    /// In the store or a registry.
    Reference(Reference),
    /// In an OCI image layout on the host: what `oci-layout://` of a named context says.
    Layout {
        /// The layout's directory, as the user wrote it.
        directory: String,
        /// `org.opencontainers.image.ref.name`; none for the only image there is.
        tag: Option<String>,
        /// The manifest or index.
        digest: Option<Digest>,
    },
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImageName::Reference(reference) => reference.fmt(f),
            ImageName::Layout { directory, tag, digest } => {
                write!(f, "oci-layout://{directory}")?;
                if let Some(tag) = tag {
                    write!(f, ":{tag}")?;
                }
                digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
            }
        }
    }
}

/// An image that steps stand on or read from.
#[derive(Clone, Debug)]
pub struct ImageSource {
    /// How it was found.
    pub name: ImageName,
    /// The manifest that was chosen.
    pub manifest: Digest,
    /// Its layers, lowest first, as its config claims them.
    pub layers: Vec<DiffId>,
    /// The platform that was asked for.
    pub platform: Platform,
    /// For the display.
    pub label: Label,
    /// The line that asks for it.
    pub location: Location,
}

/// Files from outside: of the command line, or of an ADD.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContextSource {
    /// The build context itself.
    Main,
    /// The named context of that name.
    Named(String),
    /// What an ADD fetches.
    Remote(Remote),
}

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// What is done.
    pub op: Op,
    /// What it is done on: never a context.
    pub base: Input,
    /// For which platform.
    pub platform: Platform,
    /// For the display.
    pub label: Label,
    /// The instruction.
    pub location: Location,
    /// Whether a recorded result is passed over (`--no-cache`).
    pub no_cache: bool,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Runs a process.
    Exec(Box<Exec>),
    /// Copies files.
    Copy(Box<Copy>),
    /// Makes a directory, as WORKDIR does.
    MakeDirectory(MakeDirectory),
}

impl Op {
    /// What the op reads besides its base, in the order in which [`super::Resolved::sources`] answers.
    pub fn reads(&self) -> Vec<Read> {
        match self {
            Op::Exec(exec) => exec.reads(),
            Op::Copy(copy) => copy.reads(),
            Op::MakeDirectory(_) => Vec::new(),
        }
    }
}

impl Step {
    /// Every step that must be done before this one.
    pub fn needs(&self) -> Vec<StepId> {
        let mut inputs = vec![self.base];
        match &self.op {
            Op::Copy(copy) => inputs.extend(copy.inputs()),
            op => inputs.extend(op.reads().iter().map(|read| read.input)),
        }
        let step = |input| match input {
            Input::Step(step) => Some(step),
            Input::Scratch | Input::Image(_) | Input::Context(_) => None,
        };
        let mut steps: Vec<StepId> = inputs.into_iter().filter_map(step).collect();
        steps.sort();
        steps.dedup();
        steps
    }
}

/// A step's name in the display: `[build 2/4] RUN make`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Label {
    /// What stands in the brackets: `build 2/4`; empty for an image that is only read from.
    pub place: String,
    /// The instruction, on one line.
    pub text: String,
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.as_str() {
            "" => f.write_str(&self.text),
            place => write!(f, "[{place}] {}", self.text),
        }
    }
}

/// Lines of the Dockerfile, from 1, both included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// First line.
    pub first: usize,
    /// Last line.
    pub last: usize,
}
