//! What planning comes to.

use super::base::BaseRequest;
use super::warning::Warning;
use crate::graph::{Graph, Input, Location};
use crate::oci::{Epoch, ImageConfig, Platform};

/// Questions, or a plan.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// These images must be known first: ask again with them. Each is asked for once, in the order of the file.
    Needs(Vec<BaseRequest>),
    /// All that is to be done.
    Ready(Box<Plan>),
}

/// All that is to be done for one target.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The steps, their images and their contexts; nothing that the target does not need.
    pub graph: Graph,
    /// What the image is made of.
    pub target: Target,
    /// The image epoch: the time of config, history and index.
    pub image_epoch: Epoch,
    /// What was noticed, in the order of the file. What the parser noticed is in the Dockerfile.
    pub warnings: Vec<Warning>,
    /// What is copied from the build context: paths that its ignore file may leave out, which is known later.
    pub copied: Vec<Copied>,
}

/// A path that an instruction copies from the build context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// `Copy` or `Add`.
    pub verb: &'static str,
    /// The path, with variables filled in.
    pub path: String,
    /// The instruction.
    pub location: Location,
}

/// What the image is made of.
#[derive(Clone, Debug)]
pub struct Target {
    /// Whose layers: a step, an image or nothing; never a context.
    pub state: Input,
    /// The config with the whole history. `rootfs.diff_ids` is empty: only the build knows the layers.
    pub config: ImageConfig,
    /// The image's platform.
    pub platform: Platform,
}
