//! What steps stand on and read from: file trees by their place in the graph.

/// A step's place in [`super::Graph::steps`]. A step only reads steps before it, so the list is in an order to do it in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(pub usize);

/// An image's place in [`super::Graph::images`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageId(pub usize);

/// A build context's place in [`super::Graph::contexts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContextId(pub usize);

/// A file tree that a step stands on or reads from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Input {
    /// Nothing: the empty tree.
    Scratch,
    /// A base image.
    Image(ImageId),
    /// A build context.
    Context(ContextId),
    /// What a step left: its own base with its layer on top.
    Step(StepId),
}

/// A part of an input that an op reads, besides its base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// Which tree.
    pub input: Input,
    /// The paths or patterns in it, as the op has them.
    pub paths: Vec<String>,
}
