//! Which line made which layer of an image.

use super::platforms::{Planned, Wanted};
use super::steps::Steps;
use crate::graph::{Location, Step};
use crate::oci::{DiffId, Platform};

/// The instruction that a layer comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeBy {
    /// The step's name in the display.
    pub name: String,
    /// Its lines.
    pub location: Location,
}

/// The layers of one image, lowest first; of those of its base nobody here knows the line.
#[derive(Clone, Debug)]
pub struct ImageLines {
    /// What the image is for.
    pub platform: Platform,
    /// Each layer, and what made it.
    pub layers: Vec<(DiffId, Option<MadeBy>)>,
}

impl MadeBy {
    /// What is to be said of `step`.
    pub(super) fn of(step: &Step) -> MadeBy {
        MadeBy { name: step.label.to_string(), location: step.location }
    }
}

/// The lines of all images of a build whose steps are done.
pub fn lines(planned: &Planned, steps: &Steps<'_>) -> Vec<ImageLines> {
    planned.images.iter().map(|wanted| lines_of(wanted, steps)).collect()
}

fn lines_of(wanted: &Wanted, steps: &Steps<'_>) -> ImageLines {
    let layers = steps.worker.input_chain(wanted.target.state, &steps.states).diff_ids();
    let mut made_by: Vec<Option<MadeBy>> = vec![None; layers.len()];
    // Each step leaves one layer, and stands on those of all before it.
    for (place, id) in made_by.iter_mut().rev().zip(steps.line(wanted.target.state)) {
        *place = Some(MadeBy::of(&steps.graph.steps[id.0]));
    }
    ImageLines { platform: wanted.platform.clone(), layers: layers.into_iter().zip(made_by).collect() }
}
