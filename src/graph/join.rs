//! Several graphs as one, in which what is the same is there once.

use std::collections::BTreeMap;

use super::copy::CopySource;
use super::exec::MountKind;
use super::input::{ContextId, ImageId, Input, StepId};
use super::step::{Graph, ImageSource, Op, Step};

/// A graph that others are added to.
///
/// Two steps are one if they do the same thing for the same platform on the same inputs, and a recorded result counts for
/// both or for neither. Images are one if they were found by the same name for the same platform. The label and place of
/// what came first stay.
#[derive(Debug, Default)]
pub struct Joined {
    /// All that was added.
    pub graph: Graph,
    /// The steps that stand on an input.
    on: BTreeMap<Input, Vec<StepId>>,
}

/// Where the parts of an added graph are now.
#[derive(Debug, Default)]
struct Places {
    images: Vec<ImageId>,
    contexts: Vec<ContextId>,
    steps: Vec<StepId>,
}

impl Joined {
    /// Adds `other`; says where `wanted`, an input of it, is now.
    pub fn add(&mut self, other: Graph, wanted: Input) -> Input {
        let mut places = Places::default();
        for image in other.images {
            let same = |known: &ImageSource| (&known.name, &known.platform) == (&image.name, &image.platform);
            places.images.push(ImageId(position(&mut self.graph.images, same, image.clone())));
        }
        for context in other.contexts {
            let id = position(&mut self.graph.contexts, |known| *known == context, context.clone());
            places.contexts.push(ContextId(id));
        }
        for mut step in other.steps {
            step.base = places.of(step.base);
            places.inputs_of(&mut step.op);
            let id = self.step(step);
            places.steps.push(id);
        }
        places.of(wanted)
    }

    fn step(&mut self, step: Step) -> StepId {
        let steps = &mut self.graph.steps;
        let on = self.on.entry(step.base).or_default();
        let same = |id: &&StepId| {
            let known = &steps[id.0];
            known.platform == step.platform && known.no_cache == step.no_cache && known.op == step.op
        };
        if let Some(known) = on.iter().find(same) {
            return *known;
        }
        steps.push(step);
        let id = StepId(steps.len() - 1);
        on.push(id);
        id
    }
}

/// The place of what is the `same`, or of `new` at the end.
fn position<T>(all: &mut Vec<T>, same: impl Fn(&T) -> bool, new: T) -> usize {
    all.iter().position(same).unwrap_or_else(|| {
        all.push(new);
        all.len() - 1
    })
}

impl Places {
    fn of(&self, input: Input) -> Input {
        match input {
            Input::Scratch => Input::Scratch,
            Input::Image(image) => Input::Image(self.images[image.0]),
            Input::Context(context) => Input::Context(self.contexts[context.0]),
            Input::Step(step) => Input::Step(self.steps[step.0]),
        }
    }

    fn inputs_of(&self, op: &mut Op) {
        match op {
            Op::Exec(exec) => {
                for mount in &mut exec.mounts {
                    match &mut mount.kind {
                        MountKind::Bind { input, .. } | MountKind::Cache { seed: Some((input, _)), .. } => {
                            *input = self.of(*input);
                        }
                        MountKind::Cache { seed: None, .. }
                        | MountKind::Tmpfs { .. }
                        | MountKind::Secret { .. }
                        | MountKind::Ssh { .. } => {}
                    }
                }
            }
            Op::Copy(copy) => {
                copy.from = self.of(copy.from);
                for source in &mut copy.sources {
                    if let CopySource::Remote { input, .. } = source {
                        *input = self.of(*input);
                    }
                }
            }
            Op::MakeDirectory(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{ContextSource, Copy, CopySource, Label, Location, Unpack};
    use crate::oci::Platform;

    fn copy(base: Input, from: Input, path: &str, architecture: &str) -> Step {
        let copy = Copy {
            from,
            sources: vec![CopySource::Path(path.to_string())],
            destination: "/".to_string(),
            owner: None,
            mode: None,
            link: false,
            parents: false,
            exclude: Vec::new(),
            unpack: Unpack::Never,
            epoch: None,
        };
        Step {
            op: Op::Copy(Box::new(copy)),
            base,
            platform: Platform::new("linux", architecture, None),
            label: Label { place: architecture.to_string(), text: path.to_string() },
            location: Location::default(),
            no_cache: false,
        }
    }

    /// A stage of amd64 that is built from the context, and a last one of `architecture` that takes from it.
    fn cross(architecture: &str) -> Graph {
        let context = Input::Context(ContextId(0));
        let build = copy(Input::Scratch, context, "src", "amd64");
        let last = copy(Input::Scratch, Input::Step(StepId(0)), "out", architecture);
        Graph { images: Vec::new(), contexts: vec![ContextSource::Main], steps: vec![build, last] }
    }

    #[test]
    fn a_stage_that_is_the_same_for_all_platforms_is_there_once() {
        let mut joined = Joined::default();
        assert_eq!(joined.add(cross("amd64"), Input::Step(StepId(1))), Input::Step(StepId(1)));
        assert_eq!(joined.add(cross("arm64"), Input::Step(StepId(1))), Input::Step(StepId(2)));
        let Graph { contexts, steps, .. } = &joined.graph;
        assert_eq!((contexts.len(), steps.len()), (1, 3));
        let Op::Copy(last) = &steps[2].op else { unreachable!("a copy") };
        assert_eq!((last.from, &*steps[2].label.place), (Input::Step(StepId(0)), "arm64"));
        // A third one of the same platform adds nothing.
        assert_eq!(joined.add(cross("arm64"), Input::Step(StepId(1))), Input::Step(StepId(2)));
        assert_eq!(joined.graph.steps.len(), 3);
    }

    #[test]
    fn places_are_translated_whatever_the_order_of_contexts_was() {
        let mut joined = Joined::default();
        joined.add(cross("amd64"), Input::Step(StepId(1)));
        let named = |index| Input::Context(ContextId(index));
        let steps =
            vec![copy(Input::Scratch, named(1), "src", "amd64"), copy(named(0), named(0), "x", "arm64")];
        let contexts = vec![ContextSource::Named("x".to_string()), ContextSource::Main];
        let other = Graph { images: Vec::new(), contexts, steps };
        assert_eq!(joined.add(other, Input::Step(StepId(0))), Input::Step(StepId(0)));
        let Op::Copy(last) = &joined.graph.steps[2].op else { unreachable!("a copy") };
        assert_eq!(last.from, named(1));
    }

    #[test]
    fn a_step_whose_record_does_not_count_is_another() {
        let mut joined = Joined::default();
        joined.add(cross("amd64"), Input::Scratch);
        let mut other = cross("amd64");
        other.steps[0].no_cache = true;
        joined.add(other, Input::Scratch);
        assert_eq!(joined.graph.steps.len(), 4);
    }
}
