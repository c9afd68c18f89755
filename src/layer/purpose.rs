//! What a tar is read for, which decides what its names may be.

/// What a tar is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To lie on other layers, or to be a tree of its own: what is not plain is refused, since others read it too.
    Layer,
    /// To be unpacked by ADD: whatever means one thing to those who unpack archives.
    Unpack,
}
