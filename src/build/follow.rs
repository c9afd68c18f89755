//! Whether what a step left otherwise reaches an image: the graph is passed once more with it.
//!
//! A step that reads none of what differs is found as it is, and one that does is done.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::error::Error;
use super::lines::MadeBy;
use super::platforms::Planned;
use super::schedule::in_order;
use super::steps::Steps;
use super::twice::Reaches;
use crate::graph::StepId;
use crate::oci::DiffId;
use crate::worker::Chain;

/// Where the images change with these layers in place of those that the steps left.
pub fn follow(
    planned: &Planned,
    steps: &Steps<'_>,
    instead: BTreeMap<StepId, DiffId>,
    jobs: usize,
) -> Result<Reaches, Error> {
    let second = steps.following(instead);
    let pending = second.look_up()?;
    let failed: OnceLock<MadeBy> = OnceLock::new();
    let perform = |id: StepId| {
        if failed.get().is_some() {
            // What it stands on may be missing.
            return Ok(());
        }
        match second.perform(id) {
            // What fails with one result and not with the other depends on it. Nothing else has to end for that.
            Err(Error::Step { name, location, source, .. })
                if matches!(*source, crate::worker::Error::Exited(_)) =>
            {
                let _ = failed.set(MadeBy { name, location });
                Ok(())
            }
            done => done,
        }
    };
    let done = in_order(&second, &pending, jobs, &perform);
    second.settle()?;
    done?;
    if let Some(by) = failed.into_inner() {
        return Ok(Reaches::Through(by));
    }
    let changed = |id: &StepId| {
        let chain = |steps: &Steps<'_>| steps.states[id.0].get().and_then(Chain::id);
        chain(steps) != chain(&second)
    };
    for image in &planned.images {
        // The lowest one that changed: all above it change with it.
        if let Some(id) = steps.line(image.target.state).take_while(changed).last() {
            return Ok(Reaches::Through(MadeBy::of(&steps.graph.steps[id.0])));
        }
    }
    Ok(Reaches::None)
}
